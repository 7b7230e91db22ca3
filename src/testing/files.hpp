// Whole files at once, and the end of a long text.
#pragma once

#include <string>
#include <string_view>

#include "pg/expected.hpp"

namespace pg::testing {

/// The content; empty when there is no such file.
std::string read_file(const std::string& path);

/// Replaces the content and keeps owner and mode of a file that is there; a new one has mode 0600.
Expected<void> write_file(const std::string& path, std::string_view content);
Expected<void> append_to_file(const std::string& path, std::string_view content);

/// The last lines of a log: at most 15, at most 2,000 characters.
std::string tail(std::string_view text);

}  // namespace pg::testing
