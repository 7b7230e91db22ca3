// The keywords of a connection string: who they belong to, since when, and what their values look like.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "pg/fwd.hpp"

namespace pg::config {

enum class Owner : std::uint8_t {
    libpq,
    ours,
};

/// What values a keyword takes.
enum class Form : std::uint8_t {
    text,      ///< anything
    words,     ///< one of `words`
    versions,  ///< one of `words` in any case, or nothing
    integer,   ///< a whole number from `low` to `high`
    duration,  ///< a whole number with a unit, from `low` nanoseconds
};

struct Keyword {
    std::string_view name;
    const char* environment = nullptr;  ///< the variable that libpq reads when the keyword is not set
    Owner owner = Owner::libpq;
    int since = 0;        ///< the major version of libpq that brought it; 0 for any that we work with
    bool secret = false;  ///< never shown
    Form form = Form::text;
    std::string_view words{};  ///< separated by one space
    std::int64_t low = 0;
    std::int64_t high = 0;
};

/// All of them: libpq's in libpq's order, then ours.
std::span<const Keyword> keywords();

/// Where it stands among all of them.
std::uint8_t place_of(const Keyword& keyword);

/// The keyword of this name, or null. Names are as they are written: case matters.
const Keyword* find_keyword(std::string_view name);

/// What is wrong with a value of this keyword and what to write instead; empty when nothing is.
/// Shows the value, so it is not for secrets.
std::string complaint(const Keyword& keyword, std::string_view value);

/// A whole number as libpq reads one: a sign and surrounding blanks are allowed.
PGCLIENT_API std::optional<std::int64_t> read_integer(std::string_view text);

/// The keyword that was most likely meant, or nothing when none is near.
std::string_view nearest_keyword(std::string_view name);

}  // namespace pg::config
