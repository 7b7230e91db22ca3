// A provider in a shared object: loaded, checked, and kept.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "pg/spi/provider.hpp"

namespace pg::spi {

/// Makes the provider that the file at `path` exports, which calls itself `name`. Errors: usage; they say what is wrong
/// with the file. The file stays loaded to the end of the process: sessions and results run its code.
[[nodiscard]] Expected<std::shared_ptr<Provider>> load_provider(const std::string& path, std::string_view name);

}  // namespace pg::spi
