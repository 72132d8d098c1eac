/**
 * Make an element.
 *
 * @param {string} tag
 * @param {Object} properties
 * @param {(Node | string)[]} children
 */
export function element(tag, properties = {}, children = []) {
  const node = Object.assign(document.createElement(tag), properties)
  if (properties.role) node.setAttribute("role", properties.role)
  node.append(...children)
  return node
}
