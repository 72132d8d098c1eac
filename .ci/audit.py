"""Look every installed package up among the known vulnerabilities, with pip-audit.

A finding fails. Where pip-audit's data cannot be reached it says so, in one sentence that cannot
be taken for a pass; pip-audit itself ends with success when it could look nothing up.
"""

import json
import subprocess
import sys

SECONDS = 60


def main() -> int:
    """Audit and print; the value is the exit code."""
    command = [sys.executable, "-m", "pip_audit", "--format=json", "--progress-spinner=off"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        packages = json.loads(run.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return _not_audited("all packages", f"no answer in {SECONDS} s")
    except (json.JSONDecodeError, KeyError):
        return _not_audited("all packages", "pip-audit did not run, or reached nothing to ask")
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    found = [
        f"{package['name']} {package['version']}: {problem['id']}"
        for package in packages
        for problem in package.get("vulns", [])
    ]
    known = len(packages) - len(unknown)
    if unknown:
        _not_audited(f"{len(unknown)} of {len(packages)} packages", "they could not be looked up")
    for line in found:
        print(f"Known vulnerability: {line}")
    if known and not found:
        print(f"Audited {known} packages: no known vulnerability.")
    return 1 if found else 0


def _not_audited(what: str, why: str) -> int:
    print(f"NOT AUDITED for known vulnerabilities: {what} ({why}).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
