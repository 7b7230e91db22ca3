// The provider "async": sessions of another provider, each at home on a reactor.
#pragma once

#include <memory>

#include "pg/spi/event_loop.hpp"
#include "pg/spi/provider.hpp"

namespace pg::async {

/// Takes its sessions from `inner`, whose sessions leave their waits to `spi::Waiter::here()`. They live on `reactors`
/// threads, which are started with the first session.
[[nodiscard]] PGCLIENT_API std::shared_ptr<spi::Provider> make_async_provider(std::shared_ptr<spi::Provider> inner,
                                                                              std::size_t reactors);
/// The same on the loop of an application, which has to run until the last session is gone.
[[nodiscard]] PGCLIENT_API std::shared_ptr<spi::Provider> make_async_provider(std::shared_ptr<spi::Provider> inner,
                                                                              spi::EventLoop& loop);

}  // namespace pg::async
