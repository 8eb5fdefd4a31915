"""The wheel holds all that a user needs, under the names that a user imports."""

import pathlib
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parent.parent


@pytest.mark.slow
def test_the_wheel_is_complete(tmp_path: pathlib.Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*build, "--wheel-dir", tmp_path, ROOT], check=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    for folder, package in (("jarch", "jarch"), ("ir", "jarch/ir"), ("lowering", "jarch/lowering")):
        for module in (ROOT / folder).rglob("*.py"):  # does not enter links
            assert f"{package}/{module.relative_to(ROOT / folder).as_posix()}" in names
    assert "jarch/py.typed" in names
    assert not any(name.startswith(("ir/", "lowering/", "tests/")) for name in names)
    program = (
        "import jarch, jarch.ir; space = jarch.trace(jarch.spaces.mobilenet_blog);"
        "print(jarch.__file__, jarch.count(space))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path / "site",
        env={"PYTHONPATH": str(tmp_path / "site")},
    )
    assert ran.stdout.split() == [str(tmp_path / "site" / "jarch" / "__init__.py"), "8640"]
