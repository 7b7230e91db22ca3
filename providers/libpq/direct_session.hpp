// Session over the direct engine: the operations of the seam, each of them one exchange on a link.
#pragma once

#include <optional>

#include "pg/spi/session.hpp"
#include "providers/libpq/direct_link.hpp"
#include "providers/libpq/direct_result.hpp"
#include "providers/libpq/text_fallback.hpp"

namespace pg::libpq::direct {

class DirectSession final : public spi::Session {
public:
    /// `tls` as for `DirectLink`. Not to be used before `take_over` went well.
    DirectSession(ConnectionHandle connection, void* tls, std::string node, spi::SessionContext context)
        : link_(std::move(connection), tls, std::move(node), std::move(context)) {}

    /// Makes sure that both sides are at the same place of the protocol: the answer to a Sync of our own, with nothing
    /// but notices, notifications and parameters before it. A message that libpq had received half of shows here.
    [[nodiscard]] std::optional<Error> take_over(const spi::Wait& wait);

private:
    Expected<Result> do_run(const spi::Request& request, const spi::Wait& wait) noexcept override;
    void do_run_batch(std::span<spi::BatchItem* const> items, spi::BatchSync sync,
                      const spi::Wait& wait) noexcept override;
    void do_run_pipeline(spi::RequestFeed& feed) noexcept override;
    Expected<spi::CommandTag> do_run_script(std::string_view text, const spi::Wait& wait) noexcept override;
    Expected<std::unique_ptr<spi::RowStream>> do_stream(const spi::Request& request,
                                                        const spi::Wait& wait) noexcept override;
    Expected<std::unique_ptr<spi::CopyIn>> do_copy_in(std::string_view sql, const spi::Wait& wait) noexcept override;
    Expected<std::unique_ptr<spi::CopyOut>> do_copy_out(std::string_view sql, const spi::Wait& wait) noexcept override;
    Expected<spi::Description> do_prepare(std::string_view name, std::string_view sql, std::span<const Oid> types,
                                          const spi::Wait& wait) noexcept override;
    void do_forget(std::string_view name) noexcept override;
    Expected<std::optional<Notification>> do_wait_notification(const spi::Wait& wait) noexcept override;
    spi::TransactionStatus do_transaction_status() const noexcept override;
    bool do_alive() noexcept override;
    std::string_view do_parameter(const char* name) const noexcept override { return link_.parameter(name); }
    int do_backend_process() const noexcept override { return PQbackendPID(link_.connection()); }
    int do_server_version() const noexcept override { return PQserverVersion(link_.connection()); }
    std::string_view do_node() const noexcept override { return link_.node(); }
    std::string_view do_engine() const noexcept override { return direct_engine_name; }
    int do_socket() const noexcept override { return PQsocket(link_.connection()); }
    bool do_at_rest() noexcept override {
        return link_.connected() && link_.machine().transaction() == wire::TransactionState::idle &&
               !link_.settings_changed();
    }

    /// Runs one statement in `format` to its end. A report is an answer too.
    Expected<Result> run_once(const spi::Request& request, Format format, const spi::Wait& wait);
    Expected<std::optional<Notification>> hear(const spi::Wait& wait);
    Error lost_count();

    DirectLink link_;
    RowCollector collector_;
    TextFallback fallback_;
    std::unique_ptr<const Error> farewell_;  ///< of a server whose last messages are still to be taken
};

}  // namespace pg::libpq::direct
