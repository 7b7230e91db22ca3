// OwnTmpdir: $TMPDIR is a folder that no other program uses, for the time of one test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>

namespace pg::testing {

class OwnTmpdir final {
public:
    /// `suffix` makes the path as long as a test needs it.
    explicit OwnTmpdir(const std::string& suffix = "") : folder_("/tmp/pgclient-test-XXXXXX") {
        if (::mkdtemp(folder_.data()) == nullptr) ADD_FAILURE() << "no folder could be made: " << folder_;
        path_ = folder_ + "/" + suffix;
        std::filesystem::create_directories(path_);
        // The server's account makes its folders here as well.
        for (const auto& folder : {folder_, path_}) permissions(folder, std::filesystem::perms::all);
        if (const char* before = std::getenv("TMPDIR")) before_ = before;
        ::setenv("TMPDIR", path_.c_str(), 1);
    }
    OwnTmpdir(const OwnTmpdir&) = delete;
    OwnTmpdir& operator=(const OwnTmpdir&) = delete;
    ~OwnTmpdir() {
        before_.empty() ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", before_.c_str(), 1);
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] bool empty() const { return std::filesystem::is_empty(path_); }

private:
    std::string folder_;
    std::string path_;
    std::string before_;
};

}  // namespace pg::testing
