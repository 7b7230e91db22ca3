# Conan 2 recipe of pgclient: builds the tree that it lies in, and installs it. Not run, see ../README.md.
from pathlib import Path

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain
from conan.tools.files import copy


class Pgclient(ConanFile):
    name = "pgclient"
    version = "0.1.0"
    description = "C++20 client library for PostgreSQL"
    license = "MIT"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False]}
    default_options = {"shared": False, "fPIC": True}

    def requirements(self):
        self.requires("asio/[>=1.22]")
        self.requires("libpq/[>=14]")

    def export_sources(self):
        tree = Path(self.recipe_folder).parents[2]
        for part in ("CMakeLists.txt", "CMakePresets.json", "LICENSE", "cmake/*", "include/*", "src/*", "providers/*"):
            copy(self, part, src=tree, dst=self.export_sources_folder)

    def layout(self):
        self.folders.root = "../../.."
        self.folders.source = "."
        self.folders.build = "build"
        self.folders.generators = "build/generators"

    def generate(self):
        toolchain = CMakeToolchain(self)
        for part in ("TESTS", "BENCH", "EXAMPLES"):
            toolchain.cache_variables[f"PGCLIENT_BUILD_{part}"] = False
        # The libpq of Conan looks for a server's socket where upstream's does.
        toolchain.cache_variables["PGCLIENT_SOCKET_DIR"] = "/tmp"
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        # The CMake package that was installed says everything; Conan only leads to it.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = ["lib/cmake/pgclient"]
