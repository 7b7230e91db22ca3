// A session that only says what it is, and does nothing.
#pragma once

#include <map>

#include "pg/spi/session.hpp"

namespace pg::pool {

class TellingSession final : public spi::Session {
public:
    using Parameters = std::map<std::string, std::string, std::less<>>;
    TellingSession(Parameters parameters, bool is_open) : parameters_(std::move(parameters)), is_open_(is_open) {}

private:
    using Wait = spi::Wait;
    static Error nothing() { return Error({.message = "it does nothing"}); }

    Expected<Result> do_run(const spi::Request&, const Wait&) noexcept override { return nothing(); }
    void do_run_batch(std::span<spi::BatchItem* const>, spi::BatchSync, const Wait&) noexcept override {}
    Expected<spi::CommandTag> do_run_script(std::string_view, const Wait&) noexcept override { return nothing(); }
    Expected<std::unique_ptr<spi::RowStream>> do_stream(const spi::Request&, const Wait&) noexcept override {
        return nothing();
    }
    Expected<std::unique_ptr<spi::CopyIn>> do_copy_in(std::string_view, const Wait&) noexcept override {
        return nothing();
    }
    Expected<std::unique_ptr<spi::CopyOut>> do_copy_out(std::string_view, const Wait&) noexcept override {
        return nothing();
    }
    Expected<spi::Description> do_prepare(std::string_view, std::string_view, std::span<const Oid>,
                                          const Wait&) noexcept override {
        return nothing();
    }
    void do_forget(std::string_view) noexcept override {}
    Expected<std::optional<Notification>> do_wait_notification(const Wait&) noexcept override { return nothing(); }
    spi::TransactionStatus do_transaction_status() const noexcept override {
        return is_open_ ? spi::TransactionStatus::idle : spi::TransactionStatus::unknown;
    }
    bool do_alive() noexcept override { return is_open_; }
    std::string_view do_parameter(const char* name) const noexcept override {
        const auto found = parameters_.find(std::string_view(name));
        return found == parameters_.end() ? std::string_view() : found->second;
    }
    int do_backend_process() const noexcept override { return 1; }
    int do_server_version() const noexcept override { return 150018; }
    std::string_view do_node() const noexcept override { return "nowhere:5432"; }
    std::string_view do_engine() const noexcept override { return "none"; }

    Parameters parameters_;
    bool is_open_;
};

}  // namespace pg::pool
