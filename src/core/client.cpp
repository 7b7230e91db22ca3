// Client: sessions from a source, one for each request.
#include "pg/client.hpp"

#include "pg/connection.hpp"
#include "src/core/client_impl.hpp"
#include "src/core/connection_impl.hpp"
#include "src/core/transaction_impl.hpp"

namespace pg {

Client::Client(std::shared_ptr<Impl> impl) : Executor(impl->context->hooks), impl_(std::move(impl)) {}
Client::Client(const Client& other) = default;
Client& Client::operator=(const Client& other) {
    if (this == &other) return *this;
    hooks_ = other.hooks_;
    impl_ = other.impl_;
    return *this;
}
Client::~Client() = default;

Expected<detail::Borrowed> Client::do_borrow(const QueryOptions* options) {
    detail::Context& context = *impl_->context;
    return detail::borrow(context, context.wait_of(options));
}

Connection Client::connection(std::chrono::nanoseconds timeout, CallSite site) {
    return try_connection(timeout, site).value();
}

Expected<Connection> Client::try_connection(std::chrono::nanoseconds timeout, CallSite site) {
    const QueryOptions options{.timeout = timeout};
    Expected<detail::Borrowed> borrowed = do_borrow(&options);
    if (!borrowed) return std::move(borrowed).error();
    borrowed->slot->holder.is_at(site);
    return detail::hold(*std::move(borrowed));
}

Transaction Client::begin(const TransactionOptions& options, CallSite site) { return try_begin(options, site).value(); }

Expected<Transaction> Client::try_begin(const TransactionOptions& options, CallSite site) {
    const detail::TransactionTime time(*impl_->context, options);
    const spi::Moment called_at = hooks_ ? Deadline::Clock::now() : spi::Moment::max();
    Expected<detail::Borrowed> borrowed = detail::borrow(*impl_->context, time.wait());
    if (borrowed) borrowed->slot->holder.is_at(site);
    return detail::begin_on(std::move(borrowed), hooks_, options, time, called_at);
}

std::shared_ptr<Executor> Client::shared_executor() const { return std::make_shared<Client>(*this); }

std::shared_ptr<const detail::Statement> Client::checked_statement(std::string_view sql, std::size_t arguments,
                                                                   bool checked, bool has_options) {
    if (has_options)
        detail::usage_error(
            "prepare takes no options of a pg::Query: give them to the executor of a call, as in "
            "auto tuned = db.with(options); prepared.on(tuned)")
            .raise();
    if (!checked) static_cast<void>(detail::check_text({.sql = sql, .arguments = arguments}).value());
    return detail::make_statement(sql);
}

Pool& Client::pool() const {
    if (impl_->context->pool == nullptr)
        detail::usage_error("the sessions of this client do not come from a pool").raise();
    return *impl_->context->pool;
}

StatementCacheStats Client::statement_cache() const { return impl_->context->tally->total(); }

void Client::close() noexcept {
    impl_->context->closed.store(true, std::memory_order_release);
    impl_->context->source->close();
}

}  // namespace pg
