// Reports of the server as errors, by the fields that the protocol has.
#pragma once

#include "providers/libpq/error.hpp"
#include "src/wire/server_messages.hpp"

namespace pg::libpq::direct {

/// What the server reported, with all its fields.
[[nodiscard]] Error report_error(const wire::Report& report, const ErrorSite& site);
/// What the server said by the way.
[[nodiscard]] Error notice_error(const wire::Report& report, std::string_view node);

}  // namespace pg::libpq::direct
