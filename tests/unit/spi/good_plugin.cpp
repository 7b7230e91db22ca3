// A provider in a shared object, as its author writes it.
#include "pg/spi/provider.hpp"

namespace {

struct GoodProvider final : pg::spi::Provider {
    pg::Expected<std::unique_ptr<pg::spi::Session>> do_open(const pg::Config&, const pg::spi::SessionContext&,
                                                            const pg::spi::Wait&) noexcept override {
        return pg::Error({.kind = pg::ErrorKind::connect, .message = "there is no server behind a test"});
    }
    std::string_view do_name() const noexcept override { return "good"; }
    std::string_view do_version() const noexcept override { return "3.4"; }
    pg::spi::Capabilities do_capabilities() const noexcept override { return {.streaming = true}; }
};

}  // namespace

PGCLIENT_PROVIDER(GoodProvider);
