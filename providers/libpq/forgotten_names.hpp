// ForgottenNames: the prepared statements that a session is still to deallocate, where a name cannot be closed.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pg/result.hpp"

namespace pg::libpq {

/// libpq closes no statement before 17: SQL does. One thread at a time.
class ForgottenNames {
public:
    void add(std::string_view name) { names_.emplace_back(name); }
    [[nodiscard]] bool empty() const noexcept { return names_.empty(); }
    [[nodiscard]] std::vector<std::string> take() { return std::exchange(names_, {}); }
    /// What became of deallocating one: what was given up, for want of time or by a stop, is to be done again.
    void told(std::string_view name, const Expected<Result>& answer) {
        if (answer) return;
        const ErrorKind kind = answer.error().kind();
        if (kind == ErrorKind::timeout || kind == ErrorKind::cancelled) add(name);
    }
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
