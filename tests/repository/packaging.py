# The vcpkg port and the Conan recipe call what they should; neither tool is at hand, so stand-ins take the calls.
import importlib.util
import json
import re
import subprocess
import sys
import types
from pathlib import Path

import rule

PACKAGING = "cmake/packaging"
VCPKG_CALLS = ["vcpkg_cmake_configure", "vcpkg_cmake_install", "vcpkg_cmake_config_fixup", "vcpkg_fixup_pkgconfig"]
VCPKG_CALLS += ["vcpkg_install_copyright"]
OPTIONS = ["CMakeLists.txt", "cmake/pgclient_install.cmake", "src/base/CMakeLists.txt"]


def project_version(root):
    return re.search(r"project\(pgclient VERSION ([\d.]+)", (root / "CMakeLists.txt").read_text(encoding="utf-8"))[1]


def options(root, name, set_by_it):
    """What is wrong with the options of the project that a recipe sets."""
    known = "".join((root / file).read_text(encoding="utf-8") for file in OPTIONS)
    for option in set_by_it:
        if not re.search(rf"^(option\({option} |set\({option} .* CACHE )", known, re.MULTILINE):
            yield f"{name} sets {option}, which the project does not have"
    if set_by_it.get("PGCLIENT_SOCKET_DIR") != "/tmp":
        yield f"{name} does not say where upstream's libpq looks for a socket"


def vcpkg(root):
    port = root / PACKAGING / "vcpkg"
    manifest = json.loads((port / "vcpkg.json").read_text(encoding="utf-8"))
    if manifest.get("version") != project_version(root):
        yield f"vcpkg.json is of version {manifest.get('version')}, the project of {project_version(root)}"
    if "libpq" not in [dependency["name"] for dependency in manifest["dependencies"]]:
        yield "vcpkg.json does not depend on libpq"
    stand_ins = "".join(f'function({name})\n  message("called {name} ${{ARGN}}")\nendfunction()\n' for name in VCPKG_CALLS)
    stand_ins += "set(CURRENT_PACKAGES_DIR ${CMAKE_CURRENT_BINARY_DIR}/no-such-folder)\n"
    with rule.planted({"script.cmake": f'{stand_ins}include("{(port / "portfile.cmake").resolve()}")\n'}) as folder:
        command = ["cmake", "-P", str(folder / "script.cmake")]
        result = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if result.returncode:
        yield f"portfile.cmake fails: {result.stderr.strip()}"
    for name in VCPKG_CALLS:
        if f"called {name} " not in result.stderr:
            yield f"portfile.cmake does not call {name}"
    yield from options(root, "portfile.cmake", dict(re.findall(r"-D(PGCLIENT_\w+)=([^\s;]+)", result.stderr)))


class StandIn:
    """Takes any call and notes it."""

    calls = []
    cache_variables = {}

    def __init__(self, *arguments):
        pass

    def __getattr__(self, name):
        return lambda *arguments: StandIn.calls.append(f"{type(self).__name__}.{name}")


def conan(root):
    names = {name: type(name, (StandIn,), {}) for name in ("CMake", "CMakeDeps", "CMakeToolchain")}
    recipe_base = type("ConanFile", (), {"requires": lambda self, name: self.required.append(name)})
    modules = {"conan": types.SimpleNamespace(ConanFile=recipe_base), "conan.tools": types.SimpleNamespace()}
    modules["conan.tools.cmake"] = types.SimpleNamespace(**names)
    exported = []
    modules["conan.tools.files"] = types.SimpleNamespace(
        copy=lambda recipe, pattern, src, dst: exported.append(Path(src) / pattern))
    StandIn.calls.clear()
    StandIn.cache_variables.clear()
    sys.modules.update(modules)
    try:
        spec = importlib.util.spec_from_file_location("conanfile", root / PACKAGING / "conan/conanfile.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        recipe = module.Pgclient()
        recipe.required, recipe.folders = [], types.SimpleNamespace()
        recipe.recipe_folder, recipe.export_sources_folder = str(root / PACKAGING / "conan"), ""
        recipe.cpp_info = types.SimpleNamespace(set_property=lambda *arguments: None)
        for step in ("export_sources", "requirements", "layout", "generate", "build", "package", "package_info"):
            getattr(recipe, step)()
    finally:
        for name in modules:
            del sys.modules[name]
    if recipe.version != project_version(root):
        yield f"conanfile.py is of version {recipe.version}, the project of {project_version(root)}"
    if not any(name.startswith("libpq/") for name in recipe.required):
        yield "conanfile.py does not require libpq"
    sources = Path(recipe.recipe_folder) / recipe.folders.root / recipe.folders.source
    if not (sources / "CMakeLists.txt").is_file():
        yield f"conanfile.py looks for the sources in {sources}"
    if root / "CMakeLists.txt" not in exported:
        yield "conanfile.py takes no CMakeLists.txt along"
    wanted = ["CMakeToolchain.generate", "CMakeDeps.generate", "CMake.configure", "CMake.build", "CMake.install"]
    if StandIn.calls != wanted:
        yield f"conanfile.py calls {StandIn.calls} instead of {wanted}"
    yield from options(root, "conanfile.py", StandIn.cache_variables)


def check(root):
    return [*vcpkg(root), *conan(root)]


def self_test():
    here = Path(__file__).parents[2]
    names = ["vcpkg/vcpkg.json", "vcpkg/portfile.cmake", "conan/conanfile.py"]
    names = [*OPTIONS, *(f"{PACKAGING}/{name}" for name in names)]
    good = {name: (here / name).read_text(encoding="utf-8") for name in names}
    with rule.planted(good) as root:
        assert check(root) == [], check(root)
    plants = (
        (names[3], '"version": "', '"version": "9', "vcpkg.json is of version"),
        (names[3], "libpq", "libpqxx", "not depend on libpq"),
        (names[4], "vcpkg_cmake_install()", "", "does not call vcpkg_cmake_install"),
        (names[4], "BUILD_TESTS", "BUILD_TOYS", "portfile.cmake sets PGCLIENT_BUILD_TOYS"),
        (names[4], "-DPGCLIENT_SOCKET_DIR=/tmp", "", "portfile.cmake does not say where"),
        (names[4], "vcpkg_fixup_pkgconfig()", "vcpkg_nonsense()", "fails"),
        (names[5], 'version = "', 'version = "9', "conanfile.py is of version"),
        (names[5], "libpq/", "libpqxx/", "not require libpq"),
        (names[5], '"../../.."', '"../.."', "looks for the sources"),
        (names[5], "parents[2]", "parents[1]", "takes no CMakeLists.txt along"),
        (names[5], "cmake.build()", "pass", "conanfile.py calls"),
        (names[5], '"TESTS"', '"TOYS"', "conanfile.py sets PGCLIENT_BUILD_TOYS"),
        (names[5], '"/tmp"', '"/var/run"', "conanfile.py does not say where"),
    )
    for name, before, after, reason in plants:
        with rule.planted({**good, name: good[name].replace(before, after)}) as root:
            assert any(reason in breach for breach in check(root)), (reason, check(root))


rule.main(check, self_test)
