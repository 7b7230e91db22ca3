// Connection: one session, lent request by request.
#include "pg/connection.hpp"

#include "src/core/connection_impl.hpp"
#include "src/core/transaction_impl.hpp"

namespace pg {
namespace {

Error moved_from() { return detail::usage_error("the connection was moved from"); }

const spi::Session& session_of(const std::unique_ptr<Connection::Impl>& impl) {
    if (!impl) moved_from().raise();
    return impl->session();
}

}  // namespace

Connection detail::hold(Borrowed borrowed) {
    note_dirt(*borrowed.slot);  // it is taken for the sake of what it leaves in the session
    auto held = std::make_shared<HeldSession>(borrowed.context->shared_from_this(), std::move(borrowed.lease));
    return Connection(std::make_unique<Connection::Impl>(Connection::Impl{std::move(held)}));
}

Connection::Connection(std::unique_ptr<Impl> impl) : Executor(impl->held->context->hooks), impl_(std::move(impl)) {}
Connection::Connection(Connection&& other) noexcept : Executor(other), impl_(std::move(other.impl_)) {}
Connection& Connection::operator=(Connection&& other) noexcept {
    hooks_ = other.hooks_;
    impl_ = std::move(other.impl_);
    return *this;
}
Connection::~Connection() = default;

Expected<detail::Borrowed> Connection::do_borrow(const QueryOptions* options) {
    if (!impl_) return moved_from();
    return impl_->lend(impl_->held->context->wait_of(options));
}

Expected<Transaction> Connection::try_begin(const TransactionOptions& options) {
    if (!impl_) return moved_from();
    const detail::TransactionTime time(*impl_->held->context, options);
    return detail::begin_on(impl_->lend(time.wait()), hooks_, options, time);
}

std::string_view Connection::engine() const { return session_of(impl_).engine(); }
std::string_view Connection::node() const { return session_of(impl_).node(); }
int Connection::server_version() const { return session_of(impl_).server_version(); }
int Connection::backend_process() const { return session_of(impl_).backend_process(); }
std::string Connection::parameter(const char* name) const { return std::string(session_of(impl_).parameter(name)); }

}  // namespace pg
