"""The parameters as files that other programs read."""

import io
from typing import Any

import numpy as np

from cnn import Parameters
from cnn.network import IMAGE, PARAMETER_NAMES


def parameters_npz(parameters: Parameters) -> bytes:
    """Return the six arrays of the parameters as NumPy's ``.npz``, under their names."""
    file = io.BytesIO()
    np.savez(
        file, allow_pickle=False, **{name: getattr(parameters, name) for name in PARAMETER_NAMES}
    )
    return file.getvalue()


def parameters_onnx(parameters: Parameters) -> bytes:
    """Return the network with its parameters in the ONNX format.

    Its input is ``image``, (n, 1, 28, 28) float32, pixels from 0 (paper) to 1 (ink); its output
    ``probabilities``, (n, 10). ONNX's Conv is a cross-correlation, as the notes' is.
    """
    from onnx import TensorProto, checker, helper, numpy_helper  # large: only when it is asked for

    f = len(parameters.filters)
    arrays = {name: np.ascontiguousarray(getattr(parameters, name)) for name in PARAMETER_NAMES}
    arrays["filters"] = arrays["filters"].reshape(f, 1, *arrays["filters"].shape[1:])
    layers: tuple[tuple[str, list[str], str, dict[str, Any]], ...] = (
        ("Conv", ["image", "filters", "filter_bias"], "z", {}),
        ("Relu", ["z"], "feature_map", {}),
        ("MaxPool", ["feature_map"], "pooled", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("Flatten", ["pooled"], "a0", {}),
        ("Gemm", ["a0", "hidden_weights", "hidden_bias"], "z1", {"transB": 1}),
        ("Relu", ["z1"], "a1", {}),
        ("Gemm", ["a1", "output_weights", "output_bias"], "z2", {"transB": 1}),
        ("Softmax", ["z2"], "probabilities", {"axis": 1}),
    )
    graph = helper.make_graph(
        [helper.make_node(kind, given, [made], **rest) for kind, given, made, rest in layers],
        "watch-it-learn",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, *IMAGE])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 10])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    # Versions that runtimes have read for years, not the newest that this library can write.
    model = helper.make_model(
        graph,
        producer_name="watch-it-learn",
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content
