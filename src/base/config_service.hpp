// The connection service file: named groups of settings, shared by all programs that use libpq.
#pragma once

#include <string_view>
#include <vector>

#include "pg/expected.hpp"
#include "pg/secret.hpp"
#include "src/base/config_keywords.hpp"

namespace pg::config {

struct ServiceSetting {
    const Keyword* keyword;
    Secret value;
};

/// What the service files say of one service, in their order: the first setting of a keyword counts.
/// Looks into $PGSERVICEFILE or else ~/.pg_service.conf, then into the system's pg_service.conf.
/// `version` is that of libpq, which reads the file as well and takes only keywords that it knows.
Expected<std::vector<ServiceSetting>> find_service(std::string_view service, int version);

}  // namespace pg::config
