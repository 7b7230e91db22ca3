// The provider "libpq": sessions over libpq that never block past their deadline.
#pragma once

#include <memory>

#include "pg/spi/provider.hpp"

namespace pg::libpq {

[[nodiscard]] PGCLIENT_API std::shared_ptr<spi::Provider> make_libpq_provider();

}  // namespace pg::libpq
