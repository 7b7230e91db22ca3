// Opening a session with a password that may have changed.
#include "src/pool/opener.hpp"

#include <utility>

#include "pg/sqlstate.hpp"

namespace pg::pool {
namespace {

Error left_in_a_transaction() {
    return Error({.kind = ErrorKind::usage,
                  .connection_usable = false,
                  .message = "PoolHooks::after_connect left its session in a transaction, or broken"});
}

Error client_is_gone() {
    return Error({.kind = ErrorKind::cancelled, .connection_usable = false, .message = "the client is gone"});
}

bool refuses_password(const Error& error) {
    return error.sqlstate() == sqlstate::invalid_password ||
           error.sqlstate() == sqlstate::invalid_authorization_specification;
}

}  // namespace

Opener::Opener(std::shared_ptr<spi::Provider> provider, Config config, spi::SessionContext context,
               const Limits& limits)
    : provider_(std::move(provider)),
      config_(std::move(config)),
      context_(std::move(context)),
      hooks_(limits.hooks),
      credentials_(limits.credentials ? std::make_shared<CredentialDesk>(limits.credentials) : nullptr) {}

Expected<Opener::SessionPointer> Opener::open(const spi::Wait& wait) const {
    if (!credentials_) return open_with(nullptr, wait);
    for (;;) {
        Expected<Password> password = credentials_->password(wait);
        if (!password) return std::move(password).error();
        Expected<SessionPointer> session = open_with(&*password, wait);
        if (session) {
            credentials_->accepted();
            return session;
        }
        if (!refuses_password(session.error()) || !credentials_->refused(password->number)) return session;
    }
}

/// Null: with the password that the configuration says.
Expected<Opener::SessionPointer> Opener::open_with(const Password* password, const spi::Wait& wait) const {
    if (password == nullptr && hooks_.before_connect == nullptr) return open_as(config_, wait);
    Config config = config_;
    if (password != nullptr)
        if (auto set = config.set("password", password->text.reveal()); !set) return std::move(set).error();
    if (hooks_.before_connect != nullptr) {
        const HookCall call(gate_);
        if (!call.is_allowed()) return client_is_gone();
        if (auto done = hooks_.before_connect(hooks_.context, config); !done) return std::move(done).error();
    }
    return open_as(config, wait);
}

Expected<Opener::SessionPointer> Opener::open_as(const Config& config, const spi::Wait& wait) const {
    Expected<SessionPointer> session = provider_->open(config, context_, wait);
    if (!session || hooks_.after_connect == nullptr) return session;
    const HookCall call(gate_);
    if (!call.is_allowed()) return client_is_gone();
    if (auto done = hooks_.after_connect(hooks_.context, **session, wait.deadline); !done)
        return std::move(done).error();
    if ((*session)->transaction_status() != spi::TransactionStatus::idle) return left_in_a_transaction();
    return session;
}

}  // namespace pg::pool
