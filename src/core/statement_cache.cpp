// Which statement gets a name, and which one loses it.
#include "src/core/statement_cache.hpp"

#include <algorithm>
#include <unistd.h>

#include "src/base/transaction_control.hpp"
#include "src/core/context.hpp"

namespace pg::detail {
namespace {

constexpr std::size_t least_buckets = 16;

/// Where a hash has its mark, and the mark. @{
std::size_t set_of(std::uint64_t hash) { return (hash >> 8) % 32; }
std::uint16_t mark_of(std::uint64_t hash) { return static_cast<std::uint16_t>(hash >> 48 | 1U); }  /// @}

/// The types of its arguments, as they were when it was prepared, may be what no longer fits: the server inferred some.
bool speaks_of_types(const Error& error) { return refuses_types(error) || is_gone_from_cache(error); }

/// What comes again for its rows. Others may make something, and those sent with them be about that.
bool is_to_have_a_name(std::string_view sql) { return is_about_rows(sql) && !selects_into(sql); }

/// What it is about has changed, not its session.
bool speaks_of_schema(const Error& error) {
    return error.sqlstate() == sqlstate::feature_not_supported || speaks_of_types(error);
}

/// Of each session, on average, before all prepare anew for one of them.
constexpr std::uint64_t hits_between_renewals = 100;

/// What nobody can foretell, and a process does not share with the one that it was made by. Where there is none, texts
/// and types alone tell names apart.
std::uint64_t draw_salt() noexcept {
    std::uint64_t salt = 0;
    return ::getentropy(&salt, sizeof(salt)) == 0 ? salt : 0;
}

/// Each bit of the outcome depends on all of those that go in, and no two numbers come to the same.
std::uint64_t mix(std::uint64_t bits) noexcept {
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;  // as in splitmix64
    bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
    return bits ^ bits >> 31;
}

StatementCacheStats added(const StatementCacheStats& a, const StatementCacheStats& b) {
    return {a.hits + b.hits, a.misses + b.misses, a.prepared + b.prepared, a.evicted + b.evicted,
            a.outdated + b.outdated};
}

}  // namespace

bool Marks::has(std::uint64_t hash) const noexcept {
    const Set& set = sets_[set_of(hash)];
    return std::find(set.begin(), set.end(), mark_of(hash)) != set.end();
}

void Marks::add(std::uint64_t hash, std::uint64_t turn) noexcept {
    Set& set = sets_[set_of(hash)];
    auto* place = std::find(set.begin(), set.end(), std::uint16_t{0});
    if (place == set.end()) place = set.begin() + (mix(turn) >> 62);
    *place = mark_of(hash);
}

StatementTally::StatementTally(std::shared_ptr<const TypeCatalog> types)
    : types_(std::move(types)), salt_(draw_salt()) {}

StatementCacheStats StatementTally::total() const {
    const std::lock_guard lock(mutex_);
    return sum();
}

bool StatementTally::affords_renewal() {
    const std::lock_guard lock(mutex_);
    const std::uint64_t hits = sum().hits;
    if (hits < hits_of_next_renewal_) return false;
    hits_of_next_renewal_ = hits + hits_between_renewals * here_.size();
    return true;
}

StatementCacheStats StatementTally::sum() const {
    StatementCacheStats sum = gone_;
    for (const StatementCache* cache : here_) sum = added(sum, cache->stats());
    return sum;
}

void StatementTally::join(const StatementCache& cache) {
    const std::lock_guard lock(mutex_);
    here_.push_back(&cache);
}

void StatementTally::leave(const StatementCache& cache) noexcept {
    const std::lock_guard lock(mutex_);
    gone_ = added(gone_, cache.stats());
    std::erase(here_, &cache);
}

StatementCache::StatementCache(const StatementLimits& limits, std::shared_ptr<StatementTally> tally)
    : limits_(limits), tally_(std::move(tally)) {
    tally_->join(*this);
}

StatementCache::~StatementCache() {
    tally_->leave(*this);
    forget_all();
}

NamedStatement* StatementCache::look_up(spi::Request& request, const StatementKey& key, spi::Session& session) {
    NamedStatement* statement = find(request, key);
    if (statement) {
        touch(*statement);
        if (statement->prepared) return &take(*statement, request);
    } else if (!is_nameless(key.hash) && (key.at_once || (was_seen(key.hash) && is_to_have_a_name(request.sql)))) {
        statement = add(request, key.hash, session);
        if (statement) request.prepare = &statement->description;
    }
    ++misses_;
    if (!statement) return nullptr;
    request.statement = statement->name;
    ++statement->users;
    return statement;
}

NamedStatement* StatementCache::prepare_ahead(spi::Request& request, std::uint64_t hash, spi::Session& session) {
    NamedStatement* const statement = find(request, {.hash = hash}) ? nullptr : add(request, hash, session);
    if (!statement) return nullptr;
    request.statement = statement->name;
    request.prepare = &statement->description;
    ++statement->users;
    return statement;
}

void StatementCache::settle(NamedStatement& statement, const spi::Request& request, const Error* error,
                            spi::Session& session) {
    if (request.prepare && !error) {
        statement.prepared = true;
        ++named_;
    } else if (error && !statement.gone) {
        const bool is_outdated = error->kind() == ErrorKind::plan_invalidated || speaks_of_types(*error);
        if (is_outdated && !request.prepare) {
            ++outdated_;
            if (speaks_of_schema(*error)) tell_others();
        }
        if (request.prepare && (error->kind() == ErrorKind::plan_invalidated || is_name_taken(*error))) {
            if (!nameless_) nameless_ = std::make_unique<Marks>();
            nameless_->add(statement.hash, misses_);  // (S6)
        }
        // One that failed as it was prepared may be there or not; what has its name is not to be closed.
        if (is_outdated || request.prepare) {
            if (!is_name_taken(*error) || error->message().find(statement.name) == std::string_view::npos)
                session.forget(statement.name);
            remove(statement);
        }
    }
    if (statement.gone && statement.users == 0) delete &statement;
}

/// One whose statements are from before the last change has found no more than that.
void StatementCache::tell_others() {
    if (tally_->types_->era() == era_ && tally_->affords_renewal()) tally_->types_->outdate();
}

void StatementCache::catch_up(spi::Session& session, bool is_clean) noexcept {
    const bool is_over = session.transaction_status() == spi::TransactionStatus::idle;
    const TypeCatalog& types = *tally_->types_;
    if (is_over && has_committed()) types.outdate();
    if (is_clean) has_been_reset(session);
    const std::uint64_t era = types.era();
    if (std::exchange(era_, era) != era) close_all(session);
}

void StatementCache::clear(spi::Session* session) noexcept {
    while (oldest_) {
        NamedStatement& statement = *oldest_;
        if (session) session->forget(statement.name);
        remove(statement);
        if (statement.users == 0) delete &statement;
    }
}

NamedStatement* StatementCache::find(const spi::Request& request, const StatementKey& key) noexcept {
    if (buckets_.empty()) return nullptr;
    for (NamedStatement* one = bucket_of(key.hash); one; one = one->next)
        if (is(*one, request, key)) return one;
    return nullptr;
}

bool StatementCache::was_seen(std::uint64_t hash) noexcept {
    if (seen_.has(hash)) return true;
    seen_.add(hash, misses_);
    return false;
}

NamedStatement* StatementCache::add(const spi::Request& request, std::uint64_t hash, spi::Session& session) {
    if (request.sql.size() > limits_.statement_bytes || !make_room(size_of(request.sql), session)) return nullptr;
    auto statement = std::make_unique<NamedStatement>();
    statement->hash = hash;
    statement->sql = request.sql;
    statement->types.reserve(request.params ? request.params->size() : 0);
    if (request.params)
        for (const Params::Slot& slot : *request.params) statement->types.push_back(slot.type);
    statement->name = next_name(*statement);
    link(*statement);
    return statement.release();
}

/// 45 bits of a hash of the text and the types that nobody can foretell, and which name of the client it is: short,
/// since it goes along with every execution.
std::string StatementCache::next_name(const NamedStatement& statement) {
    constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuv";
    std::uint64_t hash = mix(statement.hash ^ tally_->salt_);
    for (const Oid type : statement.types) hash = mix(hash + static_cast<std::uint32_t>(type));
    std::string name = "pg";
    for (int digit = 0; digit < 9; ++digit, hash >>= 5) name += digits[hash & 31];
    for (std::uint64_t number = tally_->names_.fetch_add(1, std::memory_order_relaxed); number != 0; number >>= 5)
        name += digits[number & 31];
    return name;
}

bool StatementCache::make_room(std::size_t bytes, spi::Session& session) {
    for (NamedStatement* one = oldest_; size_ >= limits_.entries || bytes_ + bytes > limits_.bytes;) {
        while (one && one->users != 0) one = one->newer;  // (S4)
        if (!one) return false;
        NamedStatement& evicted = *std::exchange(one, one->newer);
        session.forget(evicted.name);
        remove(evicted);
        delete &evicted;
        ++evicted_;
    }
    return true;
}

void StatementCache::touch(NamedStatement& statement) noexcept {
    if (newest_ == &statement) return;
    statement.newer->older = statement.older;
    (statement.older ? statement.older->newer : oldest_) = statement.newer;
    statement.newer = nullptr;
    statement.older = std::exchange(newest_, &statement);
    statement.older->newer = &statement;
}

void StatementCache::link(NamedStatement& statement) noexcept {
    if (size_ >= buckets_.size()) {
        buckets_.assign(std::max(least_buckets, 2 * buckets_.size()), nullptr);
        for (NamedStatement* one = oldest_; one; one = one->newer) one->next = std::exchange(bucket_of(one->hash), one);
    }
    statement.next = std::exchange(bucket_of(statement.hash), &statement);
    statement.older = std::exchange(newest_, &statement);
    (statement.older ? statement.older->newer : oldest_) = &statement;
    ++size_;
    bytes_ += size_of(statement.sql);
}

void StatementCache::unlink(NamedStatement& statement) noexcept {
    NamedStatement** at = &bucket_of(statement.hash);
    while (*at != &statement) at = &(*at)->next;
    *at = statement.next;
    (statement.newer ? statement.newer->older : newest_) = statement.older;
    (statement.older ? statement.older->newer : oldest_) = statement.newer;
}

void StatementCache::remove(NamedStatement& statement) noexcept {
    unlink(statement);
    statement.gone = true;
    --size_;
    bytes_ -= size_of(statement.sql);
}

}  // namespace pg::detail
