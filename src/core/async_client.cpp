// Awaited calls on a client: each has a session of it, which it had to queue for.
#include "pg/async.hpp"
#include "pg/connection.hpp"
#include "src/core/async_held.hpp"
#include "src/core/async_pipeline.hpp"
#include "src/core/client_impl.hpp"
#include "src/core/connection_impl.hpp"
#include "src/core/transaction_impl.hpp"

namespace pg {
namespace detail {
namespace {

/// An executor whose first call has a session already; what follows takes one from the client.
class LeasedExecutor final : public Executor {
public:
    LeasedExecutor(Context& context, spi::Lease lease, const spi::Wait& wait, const Operation& operation)
        : Executor(context.hooks), context_(context), lease_(std::move(lease)), wait_(wait), operation_(operation) {}

private:
    Expected<Borrowed> do_borrow(const QueryOptions* options) override {
        // A stream or a COPY outlives the operation that opens it, and comes with a stop of its own.
        spi::Wait wait{wait_.deadline, options && options->stop ? options->stop : wait_.stop};
        if (context_.hooks) wait.deadline = earlier(wait.deadline, Deadline::after(context_.timeout_of(options)));
        if (!lease_) return borrow(context_, wait);
        Borrowed borrowed = lend(context_, std::move(lease_), wait);
        borrowed.attempts = operation_.lost_attempts();
        borrowed.is_in_doubt = operation_.is_in_doubt();
        return borrowed;
    }

    Context& context_;
    spi::Lease lease_;
    spi::Wait wait_;
    const Operation& operation_;
};

class ClientTarget final : public AsyncTarget {
public:
    using AsyncTarget::AsyncTarget;

private:
    spi::SessionSource& source() override { return *context->source; }
    Pipelines* pipelines() override { return &pipelines_; }
    const std::shared_ptr<spi::Reactor>& reactor_of(const spi::Lease& lease) override {
        return lease.session().reactor();
    }
    Deadline turn_until(const Deadline& deadline) const override { return acquire_deadline(*context, deadline); }
    Error no_turn(const spi::LeaseWaiter& operation) const override { return context->source->no_session(operation); }
    void work(spi::Lease lease, const spi::Wait& wait, Operation& operation, Work call) override {
        LeasedExecutor executor(*context, std::move(lease), wait, operation);
        call(operation, executor);
    }

    Pipelines pipelines_{*this};
};

Connection& held_connection(AsyncTarget& target) { return static_cast<ObjectTarget<Connection>&>(target).object; }

Error not_awaitable() {
    return usage_error("the sessions of this client cannot be awaited: connect with provider=async");
}

std::shared_ptr<AsyncTarget> target_of(const Client& client, spi::Scheduler* scheduler) {
    const std::shared_ptr<Context>& context = client.impl()->context;
    if (!context->birthplace.is_here()) made_before_fork().raise();
    auto reactor = context->source->reactor();
    if (!reactor) not_awaitable().raise();
    const std::lock_guard lock(context->mutex);
    std::erase_if(context->targets, [](const auto& target) { return target.expired(); });
    for (const auto& known : context->targets)
        if (auto target = known.lock(); target && target->home == reactor && target->scheduler == scheduler)
            return target;
    auto target = std::make_shared<ClientTarget>(context, std::move(reactor), scheduler, nullptr);
    context->targets.push_back(target);
    return target;
}

AnswerOperation<AsyncConnection>* make_connection(const std::shared_ptr<AsyncTarget>& target,
                                                  const QueryOptions& options, CallSite caller) {
    return make_operation<AsyncConnection>(
        target, options, [caller](Executor& executor, const Site& site) -> Expected<AsyncConnection> {
            Expected<Borrowed> borrowed = ExecutorAccess::borrow(executor, &site.options);
            if (!borrowed) return std::move(borrowed).error();
            borrowed->slot->holder.is_at(caller);
            return AsyncConnection(target_for(site, hold(*std::move(borrowed))));
        });
}

AnswerOperation<AsyncTransaction>* make_begin(const std::shared_ptr<AsyncTarget>& target,
                                              const TransactionOptions& options,
                                              std::optional<CallSite> caller = std::nullopt) {
    return make_request<AsyncTransaction>(
        target, {.timeout = options.timeout, .stop = options.stop},
        [options, caller](Executor& executor, const Site& site) -> Expected<AsyncTransaction> {
            Expected<Borrowed> borrowed = ExecutorAccess::borrow(executor, &site.options);
            if (borrowed && caller) borrowed->slot->holder.is_at(*caller);
            TransactionOptions left = options;
            left.stop = nullptr;  // each call has a stop of its own: this one may be gone when the last of them ends
            if (options.timeout.count() != 0) left.timeout = site.options.timeout;
            const TransactionTime time(*site.target.context, left);
            Expected<Transaction> begun = begin_on(std::move(borrowed), ExecutorAccess::hooks(executor), left, time);
            if (!begun) return std::move(begun).error();
            return AsyncTransaction(target_for(site, *std::move(begun), options.stop));
        });
}

}  // namespace
}  // namespace detail

AsyncClient::AsyncClient(const Client& client) : AsyncExecutor(detail::target_of(client, nullptr), {}) {}
AsyncClient::AsyncClient(const Client& client, spi::Scheduler& scheduler)
    : AsyncExecutor(detail::target_of(client, &scheduler), {}) {}

Async<AsyncConnection> AsyncClient::connection(CallSite site) const {
    return Async<AsyncConnection>(detail::make_connection(target_, options_, site));
}
Async<Expected<AsyncConnection>> AsyncClient::try_connection(CallSite site) const {
    return Async<Expected<AsyncConnection>>(detail::make_connection(target_, options_, site));
}
Async<AsyncTransaction> AsyncClient::begin(const TransactionOptions& options, CallSite site) const {
    return Async<AsyncTransaction>(detail::make_begin(target_, options, site));
}
Async<Expected<AsyncTransaction>> AsyncClient::try_begin(const TransactionOptions& options, CallSite site) const {
    return Async<Expected<AsyncTransaction>>(detail::make_begin(target_, options, site));
}

AsyncConnection::AsyncConnection(std::shared_ptr<detail::AsyncTarget> target) : AsyncExecutor(std::move(target), {}) {}

Async<AsyncTransaction> AsyncConnection::begin(const TransactionOptions& options) const {
    return Async<AsyncTransaction>(detail::make_begin(target_, options));
}
Async<Expected<AsyncTransaction>> AsyncConnection::try_begin(const TransactionOptions& options) const {
    return Async<Expected<AsyncTransaction>>(detail::make_begin(target_, options));
}
std::string_view AsyncConnection::engine() const { return detail::held_connection(*detail::present(target_)).engine(); }
int AsyncConnection::backend_process() const {
    return detail::held_connection(*detail::present(target_)).backend_process();
}

}  // namespace pg
