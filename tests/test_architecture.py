"""What the folders may know of one another, and what importing them may do.

data → cnn → experiments → pages.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def modules(folder: str) -> list[str]:
    """Dotted names of every module in a folder."""
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / folder).rglob("*.py")
    )


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Dotted names of everything that a file imports, also inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top_level(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def fresh_interpreter(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter that stands in the project's folder and writes no .pyc."""
    return subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_there_is_something_to_look_at() -> None:
    """The tests below would pass over empty folders."""
    for folder in ("cnn", "data", "experiments", "pages"):
        assert files(folder), folder


def test_cnn_brings_in_nothing_beyond_numpy() -> None:
    """Every module of cnn, in a fresh interpreter. What NumPy brings in itself is not counted."""
    result = fresh_interpreter(
        "import sys, numpy, numpy.random\n"
        "before = {name.partition('.')[0] for name in sys.modules}\n"
        f"for name in {['cnn', *modules('cnn')]}:\n"
        "    __import__(name)\n"
        "after = {name.partition('.')[0] for name in sys.modules}\n"
        "allowed = sys.stdlib_module_names | {'numpy', 'cnn'}\n"
        "print(sorted(after - before - allowed))\n"
    )

    assert result.returncode == 0, result.stderr
    assert result.stdout == "[]\n"


@pytest.mark.parametrize("path", files("cnn"), ids=lambda path: path.name)
def test_cnn_names_numpy_and_the_standard_library_alone(path: Path) -> None:
    """Also where an import stands inside a function, which the fresh interpreter does not reach."""
    assert top_level(path) <= sys.stdlib_module_names | {"numpy", "cnn"}


@pytest.mark.parametrize("path", files("data"), ids=lambda path: path.name)
def test_data_knows_neither_the_network_nor_the_app(path: Path) -> None:
    assert not top_level(path) & {"app", "cnn", "experiments", "pages", "streamlit", "tests"}


@pytest.mark.parametrize("path", files("experiments"), ids=lambda path: path.name)
def test_experiments_know_the_network_and_the_digits_but_not_the_app(path: Path) -> None:
    below = {"cnn", "data", "experiments", "filelock", "joblib", "numpy", "threadpoolctl"}
    beside = {"distributed"} if path.name in ("cluster.py", "worker.py") else set()
    assert top_level(path) <= sys.stdlib_module_names | below | beside


def test_dask_is_optional() -> None:
    """Whoever has no cluster imports nothing of it."""
    result = fresh_interpreter("import sys, experiments\nassert 'distributed' not in sys.modules\n")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    "path",
    [
        *files("cnn"),
        *files("data"),
        *files("experiments"),
        *files("pages"),
        *ROOT.glob("*.py"),
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_what_runs_does_not_need_the_tests(path: Path) -> None:
    assert not top_level(path) & {"tests", "oracle", "conftest", "pytest", "hypothesis"}


def is_page(path: Path) -> bool:
    """A page does something when it is run; a module that pages share only defines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) for node in tree.body
    )


def test_only_pages_stand_directly_in_pages() -> None:
    """Streamlit makes a page of every .py there, and of none in a folder below."""
    for path in sorted((ROOT / "pages").glob("*.py")):
        assert is_page(path), f"{path.name} does nothing; what pages share stands in pages/parts/"


def test_nobody_imports_a_page() -> None:
    """What two pages need stands one level down."""
    pages = {f"pages.{path.stem}" for path in (ROOT / "pages").glob("*.py")}
    for path in [*files("pages"), *files("cnn"), *files("data"), *files("experiments")]:
        assert not pages & set(imported(path)), path.name


def test_what_pages_share_only_defines() -> None:
    for path in (ROOT / "pages").rglob("*/**/*.py"):
        assert not is_page(path), path.name


MOST_LINES = 400

LONGER: dict[str, str] = {}
"""Files that may be longer, by path, each with the reason."""


def test_every_file_can_be_read_in_one_sitting() -> None:
    """A file that grows beyond that holds two things. Whatever git does not ignore is counted."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0")]
    code = [path for path in paths if path.suffix in {".py", ".js", ".css"} and path.is_file()]
    assert len(code) > 100
    lines = {
        path.relative_to(ROOT).as_posix(): path.read_bytes().count(b"\n") for path in set(code)
    }
    long = {name for name, count in lines.items() if count > MOST_LINES}
    assert long == set(LONGER)


WATCHED = """
import sys, threading

seen = []

def watch(event, arguments):
    if event in {"socket.connect", "subprocess.Popen", "os.system", "os.fork", "os.mkdir"}:
        seen.append((event, str(arguments[:2])))
    elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        seen.append((event, str(arguments[:2])))

sys.addaudithook(watch)
threads = threading.active_count()
import %s
assert not seen, seen
assert threading.active_count() == threads, threading.enumerate()
"""


IMPORTED = [*modules("cnn"), *modules("data"), *modules("experiments")]


@pytest.mark.parametrize("module", IMPORTED)
def test_importing_starts_nothing_and_says_nothing(module: str) -> None:
    """No file written, no folder made, no process, no connection, no thread, no word.

    One interpreter for each module: each also imports on its own, in whatever order.
    """
    result = fresh_interpreter(WATCHED % module)

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
