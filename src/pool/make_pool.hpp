// make_pool: the pool of a client. Internal to assembly.
#pragma once

#include "pg/config.hpp"
#include "pg/pool/pool.hpp"
#include "pg/spi/provider.hpp"
#include "src/pool/limits.hpp"

namespace pg::pool {

/// Opens at once, in the background, what is always to be open, and nothing else before it is asked for. It closes with
/// its last share: what is being opened then is given up, and nothing of it is left when that share is gone, unless
/// that happens on a thread of the pool or the provider.
[[nodiscard]] PGCLIENT_API std::shared_ptr<Pool> make_pool(std::shared_ptr<spi::Provider> provider, Config config,
                                                           spi::SessionContext context, const Limits& limits);

}  // namespace pg::pool
