// Shared objects with something wrong: this source is built once for each thing that can be.
#include <stdexcept>

#include "tests/unit/spi/fake_provider.hpp"

namespace {

[[maybe_unused]] pg::spi::Provider* make_fake() { return new pg::spi::FakeProvider("fake"); }
[[maybe_unused]] pg::spi::Provider* make_none() { return nullptr; }
[[maybe_unused]] pg::spi::Provider* make_throwing() { throw std::runtime_error("it has no licence"); }

}  // namespace

#define PLUGIN_EXPORT extern "C" __attribute__((visibility("default")))

#ifdef PLUGIN_ABI
PLUGIN_EXPORT int pgclient_provider_abi() { return PLUGIN_ABI; }
#endif
#ifdef PLUGIN_MAKE
PLUGIN_EXPORT pg::spi::Provider* pgclient_provider_make() { return PLUGIN_MAKE(); }
#endif
