// What a client holds. Internal to core and assembly.
#pragma once

#include "pg/client.hpp"
#include "src/core/context.hpp"

namespace pg {

struct Client::Impl {
    std::shared_ptr<detail::Context> context;
};

}  // namespace pg
