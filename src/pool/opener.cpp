// Opening a session with a password that may have changed.
#include "src/pool/opener.hpp"

#include <utility>

#include "pg/sqlstate.hpp"

namespace pg::pool {
namespace {

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
      credentials_(limits.credentials ? std::make_shared<CredentialDesk>(limits.credentials) : nullptr) {}

Expected<Opener::SessionPointer> Opener::open(const spi::Wait& wait) const {
    if (!credentials_) return provider_->open(config_, context_, wait);
    for (;;) {
        Expected<Password> password = credentials_->password(wait);
        if (!password) return std::move(password).error();
        Expected<SessionPointer> session = open_with(*password, wait);
        if (session) {
            credentials_->accepted();
            return session;
        }
        if (!refuses_password(session.error()) || !credentials_->refused(password->number)) return session;
    }
}

Expected<Opener::SessionPointer> Opener::open_with(const Password& password, const spi::Wait& wait) const {
    Config config = config_;
    if (auto set = config.set("password", password.text.reveal()); !set) return std::move(set).error();
    return provider_->open(config, context_, wait);
}

}  // namespace pg::pool
