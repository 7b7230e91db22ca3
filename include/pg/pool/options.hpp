// PoolOptions: how a client keeps its sessions.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "pg/pool/budget.hpp"
#include "pg/pool/credentials.hpp"
#include "pg/pool/hooks.hpp"
#include "pg/pool/rules.hpp"
#include "pg/pool/statement.hpp"

namespace pg {

/// What `Options::pool` points to. How many sessions there may be, and how long a request waits for one, stand in
/// `Options` itself. A zero means: as the connection string says, by the keyword named here, else as said behind it.
/// Where a duration bounds something, `no_timeout` takes the bound away. Value.
struct PoolOptions {
    /// Sessions that are kept open, busy or not. `pool_min_size`; none.
    std::size_t min_size = 0;
    /// Sessions that are kept idle beside the busy ones, as long as there is room. `pool_min_idle`; none.
    std::size_t min_idle = 0;
    /// Requests that may wait for a session; the next is refused at once. `pool_max_waiting`; any number.
    std::size_t max_waiting = 0;
    /// Sessions that are opened at the same time. `pool_max_connecting`; 2, which spares a server that has just come
    /// back. Beside those in use the first is opened alone: what is returned meanwhile may serve whoever waited.
    std::size_t max_connecting = 0;
    /// Requests that a session serves before it is closed. `pool_max_uses`; any number. 1: none is used twice.
    std::size_t max_uses = 0;
    /// Age at which a session is replaced, less up to a tenth of it by chance, so that not all go at once.
    /// `pool_max_lifetime`; 30 min.
    std::chrono::nanoseconds max_lifetime{};
    /// How long a session above `min_size` and `min_idle` stays idle before it is closed. `pool_idle_timeout`; 10 min.
    std::chrono::nanoseconds idle_timeout{};
    /// How long a session may have been idle and still be lent without asking its server. `pool_ping_after`; 1 s.
    std::chrono::nanoseconds ping_after{};
    /// How often an idle session is used, so that nothing on the way forgets it. `pool_keepalive`; 2 min.
    std::chrono::nanoseconds keepalive{};
    /// The time to open one session, beside the `connect_timeout` of each of its hosts. `pool_connect_timeout`; 15 s.
    std::chrono::nanoseconds connect_timeout{};
    /// Refuses a request at once that would not be served in time: when as many wait before it that, by how long
    /// sessions are held on average, its time would be over. `pool_refuse_early=on`.
    bool refuse_early = false;
    /// Uses no more sessions at the same time than serve best: between `min_size` and `pool_max_size`, learned from how
    /// long they are held and whether somebody waits; `PoolStats::limit` says how many now. `pool_adaptive=on`.
    bool adaptive = false;
    /// A session that is lent for longer is reported, and again whenever as much time has passed. Looked for twice a
    /// second. While it is set, the text of the last statement on each session is kept. `pool_leak_threshold`; never.
    std::chrono::nanoseconds leak_threshold{};
    /// A session that is lent for longer is taken back: its connection is ended, another one may be opened in its
    /// place, and whoever has it gets ConnectionLost, at once when it waits for the server, else at its next use.
    /// Looked for twice a second. While it is set, each loan costs a lock. `pool_reclaim_threshold`; never.
    std::chrono::nanoseconds reclaim_threshold{};
    /// Hears each report, with `leak_context`, on a thread that serves all sessions: it must not wait, throw, or use
    /// the client. Its last call ends as those of `PoolHooks` do. Null: what is too long is counted as
    /// `PoolStats::leaked`, and `Pool::loans` says whose it is.
    void (*on_leak)(void* context, const Loan& loan) noexcept = nullptr;
    void* leak_context = nullptr;  ///< outlives the client and its connections
    /// Gives the password of new sessions, in place of what the string and the password file say: see
    /// `<pg/pool/credentials.hpp>`. Null: those. Shared with the client.
    const std::shared_ptr<CredentialSource>* credentials = nullptr;
    /// What errors mean for sessions, the first rule of a code; other codes as the pool does by itself. Null: none.
    /// Copied.
    const std::vector<PoolRule>* rules = nullptr;
    /// Called when sessions are opened, lent, taken back and closed. Null: nothing is. Copied.
    const PoolHooks* hooks = nullptr;
    /// Statements that a session prepares, and whose types it learns, before it is lent first, within
    /// `connect_timeout`: see `to_prepare`. Where one cannot be prepared, the session is lent without it,
    /// `PoolStats::unprepared` counts it and `Pool::wait_ready` says why. Where no statement has a name
    /// (`statement_cache_size` 0, most poolers) nothing is prepared. UsageError when a session would not keep them all.
    /// Null: none. Copied.
    const std::vector<PoolStatement>* prepare = nullptr;
    /// Shared with other clients, whose sessions count too: see `<pg/pool/budget.hpp>`. Null: none. Copied.
    const PoolBudget* budget = nullptr;
    /// Sessions of the budget that are kept for this client, as far as they are not for others already.
    std::size_t budget_reserve = 0;
};

}  // namespace pg
