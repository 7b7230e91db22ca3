// Session over libpq: the operations of the seam, each of them one exchange on a link.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "pg/spi/session.hpp"
#include "providers/libpq/forgotten_names.hpp"
#include "providers/libpq/link.hpp"
#include "providers/libpq/text_fallback.hpp"

namespace pg::libpq {

class LibpqSession final : public spi::Session {
public:
    LibpqSession(ConnectionHandle connection, std::string node, spi::SessionContext context)
        : link_(std::move(connection), std::move(node), std::move(context)) {}

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
    void do_forget(std::string_view name) noexcept override { forgotten_.add(name); }
    Expected<std::optional<Notification>> do_wait_notification(const spi::Wait& wait) noexcept override;
    spi::TransactionStatus do_transaction_status() const noexcept override;
    bool do_alive() noexcept override;
    std::string_view do_parameter(const char* name) const noexcept override;
    int do_backend_process() const noexcept override;
    int do_server_version() const noexcept override;
    std::string_view do_node() const noexcept override;
    std::string_view do_engine() const noexcept override;
    int do_socket() const noexcept override { return PQsocket(link_.connection()); }
    bool do_at_rest() noexcept override;

    /// How the rows of a statement are received.
    enum class Receive : std::uint8_t { whole, by_rows };
    /// Sends a statement and waits for its first result, which for `whole` is its only one. A statement with a column
    /// without binary form is sent again in text, where that does no harm.
    Expected<ResultHandle> execute(const spi::Request& request, Receive receive, const spi::Wait& wait);

    /// Prepares the statement of a request that asks for it, in a flush of its own; that request without the wish.
    Expected<spi::Request> prepared_before(const spi::Request& request, const spi::Wait& wait);
    /// Runs a statement and prepares it, in one flush.
    Expected<Result> run_and_prepare(const spi::Request& request, const spi::Wait& wait);
    /// libpq does not tell when a setting is reported, and to look for each of them costs more than a query may: they
    /// are looked at behind what may call a function.
    void heed(std::string_view sql) noexcept { hears_of_settings_ |= sql.find('(') != std::string_view::npos; }
    /// Deallocates what was forgotten, where that does no harm.
    void deallocate_forgotten(const spi::Wait& wait);

    Link link_;
    TextFallback fallback_;
    ForgottenNames forgotten_;
    /// What the server reports of what a client can set.
    static constexpr std::array<const char*, 10> settings{"TimeZone",
                                                          "DateStyle",
                                                          "IntervalStyle",
                                                          "session_authorization",
                                                          "is_superuser",
                                                          "application_name",
                                                          "search_path",
                                                          "client_encoding",
                                                          "default_transaction_read_only",
                                                          "standard_conforming_strings"};
    std::array<std::string, settings.size()> at_rest_;
    bool hears_of_settings_ = false;   // one may have been changed
    bool are_settings_known_ = false;  // what they are at rest, as of now
};

}  // namespace pg::libpq
