// What the two grammars of a connection string come down to: keywords with values, each with its place.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pg/expected.hpp"
#include "pg/secret.hpp"

namespace pg::config {

/// One keyword with its value as a connection string has them, decoded. Neither is looked up yet.
struct Assignment {
    std::string keyword;
    Secret value;
    std::size_t keyword_at = 0;  ///< byte offsets into the connection string
    std::size_t value_at = 0;
    bool may_show_keyword = true;  ///< false where it may be a piece of a password that was written without quotes
};

/// Takes `keyword = value` pairs apart.
Expected<std::vector<Assignment>> split_pairs(std::string_view conninfo);

/// Takes a URI apart. Only for strings that `is_uri` is true of.
Expected<std::vector<Assignment>> split_uri(std::string_view conninfo);

/// Whether the string starts as a connection URI does; anything else is pairs.
bool is_uri(std::string_view conninfo);

/// An error of kind usage about a connection string. `offset` is in bytes; the error counts characters from 1.
Error conninfo_error(std::string_view conninfo, std::size_t offset, std::string_view what,
                     std::string_view advice = "");

/// The same about a value: `what` names the keyword and says what to write.
Error value_error(std::string_view conninfo, std::size_t offset, std::string_view what);

/// A word for a message, in backquotes with a space before it; nothing when it may not be shown, or is no plain word.
std::string shown(std::string_view word, bool may_show);

}  // namespace pg::config
