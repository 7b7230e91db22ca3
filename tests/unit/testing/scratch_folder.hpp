// ScratchFolder: an empty folder for one test, removed at its end.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>

namespace pg::testing {

class ScratchFolder final {
public:
    ScratchFolder() : path_(::testing::TempDir() + "pgclient-scratch-XXXXXX") {
        if (::mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "no folder could be made: " << path_;
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace pg::testing
