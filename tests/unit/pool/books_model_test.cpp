// Books against a model that is a few naive lists: random histories, in which every invariant holds at every step.
#include <map>
#include <random>
#include <set>

#include "tests/unit/pool/books_fixture.hpp"

namespace pg::pool {
namespace {

/// One history. What the books say is held against what a reader of the rules would say.
class History {
public:
    explicit History(unsigned seed) : random_(seed), limits_(some_limits()), books_(limits_, seed) { drain(); }
    ~History() {
        for (auto& [waiter, since] : queue_) static_cast<void>(books_.withdraw(*waiter));
    }

    void run(int steps) {
        for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
            do_something();
            drain();
            check();
        }
        come_to_an_end();
    }

private:
    using State = Member::State;
    /// What the model knows of a session.
    struct Known {
        State state = State::opening;
        Time used_at{}, proved_at{};
        int refreshes = 0;  // before it was opened
        bool is_cleared = false;
    };

    std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_); }
    bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }

    Limits some_limits() {
        Limits limits;
        limits.max_size = 1 + below(6);
        limits.min_size = below(limits.max_size + 1);
        limits.min_idle = below(limits.max_size + 1);
        limits.max_connecting = 1 + below(3);
        if (chance(30)) limits.max_waiting = 1 + below(4);
        if (chance(20)) limits.max_uses = 1 + below(4);
        limits.max_lifetime = chance(50) ? 30s : 30min;
        limits.idle_timeout = chance(50) ? 10s : 10min;
        limits.adaptive = chance(20);
        limits.keepalive = chance(50) ? 5s : no_timeout;
        return limits;
    }

    void do_something() {
        switch (below(12)) {
            case 0:
            case 1:
            case 2: return ask();
            case 3:
            case 4: return give_back();
            case 5: return finish(State::opening);
            case 6: return finish(State::checking);
            case 7: return finish(State::closing);
            case 8: return withdraw();
            case 9: return let_time_pass();
            case 10: return chance(20) ? lose() : ask();
            default: return chance(15) ? run_the_service() : books_.look(now_);
        }
    }

    void ask() {
        if (Member* member = books_.take(now_)) {
            EXPECT_TRUE(queue_.empty()) << "(B2)";
            return lent(*member);
        }
        const auto why = books_.refusal(now_, Deadline::after(std::chrono::milliseconds(below(3000)), now_));
        if (why) {
            EXPECT_TRUE(queue_.size() >= limits_.max_waiting ||
                        (!any(State::lent) && !any(State::idle) && now_ < books_.governor().next()))
                << why->what();
            return;
        }
        EXPECT_LT(queue_.size(), limits_.max_waiting);
        Somebody& waiter = waiters_.emplace_back();
        books_.enqueue(waiter, now_);
        queue_.emplace_back(&waiter, now_);
    }

    void give_back() {
        Member* const member = pick(State::lent);
        if (member == nullptr) return;
        known_[member].used_at = known_[member].proved_at = now_;
        books_.give_back(*member, now_);
        came_back(*member);
    }
    void lose() {
        Member* const member = pick(State::lent);
        if (member == nullptr) return;
        constexpr Verdict verdicts[] = {Verdict::replace, Verdict::doubt, Verdict::clear};
        const Verdict verdict = verdicts[below(std::size(verdicts))];
        if (verdict != Verdict::replace) suspect_before_ = now_;
        if (verdict == Verdict::clear)
            for (auto& [other, known] : known_)
                if (known.state != State::opening) known.is_cleared = true;
        books_.lose(*member, verdict, now_);
        known_[member].state = State::closing;
        awaited_.insert(member);
    }
    /// Something that was to be done is done.
    void finish(State state) {
        Member* const member = pick(state);
        if (member == nullptr || awaited_.contains(member)) return;
        if (state == State::closing) {
            known_.erase(member);
            books_.closed(*member);
            return;
        }
        const bool is_well = chance(75);
        if (!is_well && state == State::opening) {
            const Time begun = known_[member].used_at;
            known_.erase(member);
            const bool is_full = chance(30);
            if (is_full) {
                room_ = std::max<std::size_t>(known_.size() - count(State::closing), 1);
                room_since_ = now_;
            }
            books_.failed(*member, is_full ? no_room() : nobody_there(), now_);
            if (!any(State::lent) && !any(State::idle) && !any(State::opening) && !any(State::checking))
                for (; !queue_.empty() && queue_.front().second < begun + Books::slow; queue_.pop_front())
                    told_.push_back(queue_.front());  // (B7)
            return;
        }
        if (!is_well) {
            suspect_before_ = now_;
            books_.checked(*member, false, now_);
            known_[member].state = State::closing;
            awaited_.insert(member);
            return;
        }
        known_[member].proved_at = now_;
        if (state == State::opening) known_[member].used_at = now_;
        state == State::opening ? books_.opened(*member, now_) : books_.checked(*member, true, now_);
        came_back(*member);
    }
    void withdraw() {
        if (queue_.empty()) return;
        const auto place = queue_.begin() + static_cast<std::ptrdiff_t>(below(queue_.size()));
        EXPECT_TRUE(books_.withdraw(*place->first));
        EXPECT_FALSE(books_.withdraw(*place->first)) << "(B2)";
        queue_.erase(place);
    }
    void let_time_pass() {
        constexpr std::chrono::milliseconds some[] = {1ms, 40ms, 600ms, 2s, 20s};
        now_ += some[below(std::size(some))];
        books_.look(now_);
    }
    void run_the_service() {
        switch (below(4)) {
            case 0: ++refreshes_; return books_.refresh();
            case 1: suspended_ = !suspended_; return books_.suspend(suspended_);
            case 2:
                limits_.max_size = 1 + below(6);
                limits_.min_size = below(limits_.max_size + 1);
                limits_.min_idle = below(limits_.max_size + 1);
                return books_.resize(limits_.max_size, limits_.min_size, limits_.min_idle);
            default: return books_.widen(now_);
        }
    }

    /// Takes every duty, as a shell would, and does those that need no time.
    void drain() {
        for (Duty duty = books_.next(now_); duty.kind != Kind::none; duty = books_.next(now_)) {
            switch (duty.kind) {
                case Kind::lend:
                    ASSERT_FALSE(queue_.empty());
                    EXPECT_EQ(duty.waiter, queue_.front().first) << "(B2)";
                    EXPECT_FALSE(suspended_);
                    queue_.pop_front();
                    lent(*duty.member);
                    break;
                case Kind::refuse:
                    ASSERT_FALSE(told_.empty()) << "nobody is to be refused";
                    EXPECT_EQ(duty.waiter, told_.front().first) << "(B2)";
                    told_.pop_front();
                    break;
                case Kind::open:
                    EXPECT_GE(now_, books_.governor().next()) << "(B5)";
                    EXPECT_FALSE(known_.contains(duty.member));
                    EXPECT_LE(known_.size() + 1, limits_.max_size + lost()) << "(B1)";
                    EXPECT_LE(known_.size() + 1, room_ + static_cast<std::size_t>((now_ - room_since_) / 10s))
                        << "(B5)";
                    EXPECT_LE(opening_soon() + 1, limits_.max_connecting) << "(B4)";
                    known_[duty.member] = {State::opening, now_, {}, refreshes_};
                    break;
                case Kind::check:
                    EXPECT_TRUE(known_.contains(duty.member));
                    EXPECT_EQ(known_[duty.member].state, State::idle) << "only idle ones are asked";
                    known_[duty.member].state = State::checking;
                    break;
                case Kind::close:
                    EXPECT_NE(known_[duty.member].state, State::lent) << "(B6)";
                    EXPECT_NE(known_[duty.member].state, State::opening);
                    known_[duty.member].state = State::closing;
                    awaited_.erase(duty.member);
                    break;
                case Kind::none: break;
            }
        }
        EXPECT_TRUE(told_.empty()) << "(B7)";
        EXPECT_TRUE(awaited_.empty()) << "what is broken is to be closed";
    }
    void lent(Member& member) {
        Known& known = known_[&member];
        EXPECT_EQ(known.state, State::idle) << "(B6)";
        EXPECT_EQ(known.refreshes, refreshes_) << "(B6)";
        EXPECT_FALSE(known.is_cleared) << "it died with another one";
        EXPECT_LT(now_ - known.proved_at, limits_.ping_after) << "it was to be asked first";
        EXPECT_GE(known.proved_at, suspect_before_) << "it was to be asked first";
        for (const auto& [other, its] : known_)
            if (its.state == State::idle && other->state == State::idle) {
                EXPECT_LE(its.used_at, known.used_at);
            }
        known.state = State::lent;
    }
    /// It is idle, unless the books say otherwise in their duties.
    void came_back(Member& member) { known_[&member].state = State::idle; }

    void check() {
        const PoolStats stats = books_.stats(now_);
        EXPECT_EQ(stats.size(), known_.size()) << "(B1)";
        EXPECT_EQ(stats.lent, count(State::lent)) << "(B1)";
        EXPECT_EQ(stats.idle, count(State::idle)) << "(B1)";
        EXPECT_EQ(stats.opening, count(State::opening)) << "(B1)";
        EXPECT_EQ(stats.checking, count(State::checking)) << "(B1)";
        EXPECT_EQ(stats.closing, count(State::closing)) << "(B1)";
        EXPECT_EQ(stats.waiting, queue_.size()) << "(B2)";
        EXPECT_EQ(books_.waiters(), queue_.size());
        EXPECT_EQ(books_.members().size(), known_.size());
        EXPECT_LE(books_.look_by(now_), now_ + 500ms);
        const std::size_t coming = opening_soon() + stats.checking;
        if (!queue_.empty() && !suspended_ && stats.lent < books_.may_be_lent()) {
            for (const auto& [member, known] : known_)
                EXPECT_FALSE(known.state == State::idle && known.used_at == last_used() && is_proved(known)) << "(B3)";
            const std::size_t room = room_ + static_cast<std::size_t>((now_ - room_since_) / 10s);
            const bool may_open = known_.size() < std::min(books_.may_be_lent() + lost(), room) &&
                                  opening_soon() < limits_.max_connecting && now_ >= books_.governor().next();
            EXPECT_TRUE(coming >= queue_.size() || (!may_open && stats.idle == 0))
                << "somebody waits, and nothing is done about it";
        }
    }

    /// Everything succeeds from now on: whoever waits is served, and the least sizes are reached.
    void come_to_an_end() {
        if (suspended_) books_.suspend(suspended_ = false);
        for (int round = 0; round < 500 && !::testing::Test::HasFailure(); ++round) {
            now_ += 200ms;  // all together the server gets room again for as many as there may be
            books_.look(now_);
            drain();
            succeed();
            check();
        }
        succeed();  // what the last look replaced
        EXPECT_TRUE(queue_.empty()) << "somebody was forgotten";
        EXPECT_GE(books_.open_ones(), limits_.min_size);
        EXPECT_LE(known_.size(), limits_.max_size) << "(B1)";
        books_.close(now_);
        drain();
        succeed();
        EXPECT_FALSE(books_.any_member());
    }

    /// Whatever is under way ends well.
    void succeed() {
        for (const State state : {State::lent, State::opening, State::checking, State::closing}) {
            for (Member* member = pick(state); member != nullptr; member = pick(state)) {
                known_[member].proved_at = now_;
                if (state == State::lent || state == State::opening) known_[member].used_at = now_;
                if (state == State::lent) books_.give_back(*member, now_);
                if (state == State::opening) books_.opened(*member, now_);
                if (state == State::checking) books_.checked(*member, true, now_);
                if (state == State::closing) known_.erase(member), books_.closed(*member);
                if (state != State::closing) came_back(*member);
                drain();
            }
        }
    }

    [[nodiscard]] bool is_proved(const Known& known) const {
        return known.proved_at >= suspect_before_ && now_ - known.proved_at < limits_.ping_after;
    }
    [[nodiscard]] Time last_used() const {
        Time last{};
        for (const auto& [member, known] : known_)
            if (known.state == State::idle) last = std::max(last, known.used_at);
        return last;
    }
    [[nodiscard]] std::size_t count(State state) const {
        return static_cast<std::size_t>(
            std::count_if(known_.begin(), known_.end(), [&](const auto& one) { return one.second.state == state; }));
    }
    [[nodiscard]] std::size_t opening_soon() const {
        return static_cast<std::size_t>(std::count_if(known_.begin(), known_.end(), [&](const auto& one) {
            return one.second.state == State::opening && now_ < one.second.used_at + Books::slow;
        }));
    }
    /// One of those that may never be open.
    [[nodiscard]] std::size_t lost() const { return count(State::opening) > opening_soon() ? 1 : 0; }
    [[nodiscard]] bool any(State state) const { return count(state) != 0; }
    /// Any of those in that state; null when there is none.
    [[nodiscard]] Member* pick(State state) {
        std::vector<Member*> all;
        for (const auto& member : books_.members())  // in an order that does not depend on addresses
            if (const auto known = known_.find(member.get()); known != known_.end() && known->second.state == state)
                all.push_back(member.get());
        return all.empty() ? nullptr : all[below(all.size())];
    }

    std::minstd_rand random_;
    Limits limits_;
    Books books_;
    Time now_ = Time() + 1h;
    Time suspect_before_{};
    std::size_t room_ = 1000;  // of the server, when it was asked last
    Time room_since_{};
    int refreshes_ = 0;
    bool suspended_ = false;
    std::deque<Somebody> waiters_;  // all that ever were
    std::deque<std::pair<Somebody*, Time>> queue_, told_;
    std::map<Member*, Known> known_;
    std::set<Member*> awaited_;  // broken, and the books have not said yet that they are to be closed
};

class BooksHistories : public ::testing::TestWithParam<unsigned> {};

TEST_P(BooksHistories, KeepTheirInvariants) {
    for (unsigned seed = GetParam() * 100; seed < (GetParam() + 1) * 100; ++seed) {
        SCOPED_TRACE("history " + std::to_string(seed));
        History(seed).run(300);
        if (HasFailure()) return;
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, BooksHistories, ::testing::Range(0U, 10U));

}  // namespace
}  // namespace pg::pool
