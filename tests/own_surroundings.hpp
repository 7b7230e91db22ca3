// OwnSurroundings: a home of one's own, and an environment in which no variable of libpq is set but one's own.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

extern char** environ;

namespace testing_support {

/// All is as it was, and the home gone, when this is. Not for who has threads.
class OwnSurroundings {
public:
    OwnSurroundings() {
        for (char** variable = environ; *variable != nullptr; ++variable) {
            const std::string_view text(*variable);
            const std::string name(text.substr(0, text.find('=')));
            if (name.starts_with("PG") || name == "HOME") saved_[name] = std::getenv(name.c_str());
        }
        for (const auto& [name, value] : saved_) unsetenv(name.c_str());
        std::string pattern = std::filesystem::temp_directory_path() / "pgclient-config-XXXXXX";
        home_ = mkdtemp(pattern.data());
        set("HOME", home_);
        set("PGSYSCONFDIR", home_ / "system");
        std::filesystem::create_directory(home_ / "system");
    }
    OwnSurroundings(const OwnSurroundings&) = delete;
    OwnSurroundings& operator=(const OwnSurroundings&) = delete;
    ~OwnSurroundings() {
        for (const std::string& name : set_) unsetenv(name.c_str());
        for (const auto& [name, value] : saved_) setenv(name.c_str(), value.c_str(), 1);
        std::filesystem::remove_all(home_);
    }

    void set(const std::string& name, const std::string& value) {
        setenv(name.c_str(), value.c_str(), 1);
        set_.push_back(name);
    }

    /// A file in the home.
    std::string write(const std::string& name, std::string_view text, mode_t mode = 0600) {
        const std::filesystem::path path = home_ / name;
        std::ofstream(path, std::ios::binary) << text;
        chmod(path.c_str(), mode);
        return path;
    }

protected:
    std::filesystem::path home_;

private:
    std::map<std::string, std::string> saved_;
    std::vector<std::string> set_;
};

}  // namespace testing_support
