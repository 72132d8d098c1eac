/**
 * The page's address: it names the run in hand, so that a page that is loaded again has it again.
 *
 * It is written without a new entry in the browser's history, which "Back" would have to go through.
 */

const PAUSE = 400 // milliseconds between two writings: some browsers refuse more than 100 in 30 s

/** @type {string | undefined} the visit that the server told of last; a page loaded anew knows none */
let known
let next = "" // the parameters to write, when the time has come
let timer = 0
let written = -PAUSE // when, in milliseconds of the page's life

/**
 * @param {{data: {visit: string, run: string | null, page: string},
 *   setTriggerValue: (name: string, value: string) => void}} component
 *   run: the parameters that name the run in hand, or null to leave them as they are
 */
export default function ({ data, setTriggerValue }) {
  const had = new URLSearchParams(location.search)
  const embedding = new URLSearchParams([...had].filter(([name]) => name.startsWith("embed")))
  for (const name of embedding.keys()) had.delete(name) // Streamlit's own

  // The server has forgotten the visit, and may have begun another from an older address, because
  // Streamlit tells it the one that the page was opened with. What stands here is newer.
  const forgotten = known !== undefined && known !== data.visit
  known = data.visit
  if (forgotten && had.size) {
    clearTimeout(timer)
    timer = 0
    setTriggerValue("forgotten", had.toString())
  } else if (data.run !== null) {
    next = [data.run, embedding.toString()].filter(Boolean).join("&")
    timer ||= setTimeout(write, written + PAUSE - performance.now())
  }
}

function write() {
  timer = 0
  const search = next && `?${next}`
  if (search !== location.search) {
    written = performance.now()
    history.replaceState(history.state, "", `${location.pathname}${search}${location.hash}`)
  }
}
