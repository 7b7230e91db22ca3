// A provider that opens nothing: what a registry needs to have something to keep.
#pragma once

#include <string>
#include <utility>

#include "pg/spi/provider.hpp"

namespace pg::spi {

class FakeProvider final : public Provider {
public:
    explicit FakeProvider(std::string name = "fake") : name_(std::move(name)) {}

private:
    Expected<std::unique_ptr<Session>> do_open(const Config&, const SessionContext&, const Wait&) noexcept override {
        return Error({.kind = ErrorKind::connect, .message = "there is no server behind a fake"});
    }
    std::string_view do_name() const noexcept override { return name_; }
    std::string_view do_version() const noexcept override { return "1.2"; }
    Capabilities do_capabilities() const noexcept override { return {.copy = true}; }

    std::string name_;
};

}  // namespace pg::spi
