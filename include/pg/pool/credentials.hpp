// CredentialSource: passwords that change, for the sessions that a pool opens.
#pragma once

#include "pg/deadline.hpp"
#include "pg/expected.hpp"
#include "pg/secret.hpp"

namespace pg {

/// A password, or a token in its place. Value.
struct Credential {
    Secret password{};  ///< what the server is told
    /// How long sessions can be opened with it, from now on. Those that are open then go on.
    std::chrono::nanoseconds lifetime = no_timeout;
};

/// Gives a pool its password: what `PoolOptions::credentials` points to. Called on a thread of its own, one call at a
/// time, when the last password is in the last fifth of its lifetime, and once more when the server refuses it.
class PGCLIENT_API CredentialSource {
public:
    virtual ~CredentialSource();
    /// The password for now. An error is told to whoever waits for a session; it must not hold a secret. Whoever waits
    /// does so until `until` at most, however long this takes: it may still run when the client is gone, so that what
    /// it uses is the source's own.
    [[nodiscard]] Expected<Credential> credential(const Deadline& until) noexcept { return do_credential(until); }

private:
    virtual Expected<Credential> do_credential(const Deadline& until) noexcept = 0;
};

}  // namespace pg
