// ForgottenNames: the prepared statements that a session is still to deallocate, where a name cannot be closed.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pg::libpq {

/// libpq closes no statement before 17: SQL does. One thread at a time.
class ForgottenNames {
public:
    void add(std::string_view name) { names_.emplace_back(name); }
    [[nodiscard]] bool empty() const noexcept { return names_.empty(); }
    [[nodiscard]] std::vector<std::string> take() { return std::exchange(names_, {}); }
    /// What deallocates one, to be run by itself: one that the server does not know is forgotten already, and its
    /// failure must take no other with it.
    [[nodiscard]] static std::string statement(std::string_view name) { return "DEALLOCATE " + quoted(name); }

private:
    static std::string quoted(std::string_view name) {
        std::string quoted = "\"";
        for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
        return quoted += '"';
    }

    std::vector<std::string> names_;
};

}  // namespace pg::libpq
