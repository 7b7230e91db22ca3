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
    explicit History(unsigned seed)
        : random_(seed),
          limits_(some_limits()),
          has_permits_(chance(50)),
          books_(limits_, seed, has_permits_ ? &permits_ : nullptr) {
        drain();
    }
    ~History() {
        for (auto& [waiter, since] : queue_) static_cast<void>(books_.withdraw(*waiter));
    }

    void run(int steps) {
        for (int step = 0; step < steps && !has_failed(); ++step) {
            do_something();
            drain();
            check();
        }
        if (!has_failed()) come_to_an_end();
    }

private:
    using State = Member::State;
    static bool has_failed() { return ::testing::Test::HasFailure(); }
    /// What the model knows of a session.
    struct Known {
        State state = State::opening;
        Time used_at{}, proved_at{}, lent_at{};
        int refreshes = 0;  // before it was opened
        bool is_cleared = false;
    };

    std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_); }
    bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }

    void choose_sizes(Limits& limits) {
        limits.max_size = 1 + below(6);
        limits.min_size = below(limits.max_size + 1);
        limits.min_idle = below(limits.max_size + 1);
    }
    Limits some_limits() {
        Limits limits;
        choose_sizes(limits);
        limits.max_connecting = 1 + below(3);
        if (chance(30)) limits.max_waiting = 1 + below(4);
        if (chance(20)) limits.max_uses = 1 + below(4);
        limits.max_lifetime = chance(50) ? 30s : 30min;
        limits.idle_timeout = chance(50) ? 10s : 10min;
        limits.adaptive = chance(20);
        limits.keepalive = chance(50) ? 5s : no_timeout;
        if (chance(40)) limits.reclaim_threshold = 3s;
        limits.refuse_early = chance(20);
        return limits;
    }

    void do_something() {
        switch (below(16)) {
            case 0:
            case 1: return give_back();
            case 2: return finish(State::opening);
            case 3: return finish(State::checking);
            case 4: return finish(State::closing);
            case 5: return withdraw();
            case 6: return let_time_pass();
            case 7: return chance(20) && any(State::lent) ? lose(*pick(State::lent)) : ask();
            case 8: return chance(15) ? run_the_service() : look();
            case 9: return chance(20) ? sleep() : ask();
            case 10: return come_back_cut();
            case 11: return have_others_change();
            case 12: return find_better();
            default: return ask();
        }
    }

    void ask() {
        if (Member* member = books_.take(now_)) {
            EXPECT_TRUE(queue_.empty()) << "(B2)";
            return lent(*member);
        }
        const std::chrono::nanoseconds patience = std::chrono::milliseconds(below(3000));
        const auto why = books_.refusal(now_, Deadline::after(patience, now_));
        if (why) {
            EXPECT_TRUE(closed_ || queue_.size() >= limits_.max_waiting || is_late(patience) ||
                        (!any(State::lent) && !any(State::idle) && now_ < books_.governor().next()))
                << why->what();
            return;
        }
        EXPECT_FALSE(closed_ || queue_.size() >= limits_.max_waiting || is_late(patience));
        Somebody& waiter = waiters_.emplace_back();
        books_.enqueue(waiter, now_);
        grows_ = grows_ && !queue_.empty();
        queue_.emplace_back(&waiter, now_);
    }

    void give_back() {
        Member* const member = pick(State::lent);
        if (member == nullptr) return;
        note_return(*member);
        books_.give_back(*member, now_);
        came_back(*member);
    }
    void note_return(Member& member) {
        Known& known = known_[&member];
        known.used_at = known.proved_at = now_;
        const auto held = static_cast<double>((now_ - known.lent_at).count());
        hold_ += (held - hold_) / std::min(++returns_, 16);
    }
    Verdict some_verdict() {
        constexpr Verdict verdicts[] = {Verdict::replace, Verdict::doubt, Verdict::clear};
        return verdicts[below(std::size(verdicts))];
    }
    void lose(Member& member) {
        const Verdict verdict = some_verdict();
        if (verdict != Verdict::replace) suspect_before_ = now_;
        if (verdict == Verdict::clear)
            for (auto& [other, known] : known_)
                if (known.state != State::opening) known.is_cleared = true;
        books_.lose(member, verdict, now_);
        known_[&member].state = State::closing;
        awaited_.insert(&member);
    }
    /// One that was taken back; of what it says nothing follows for the others.
    void come_back_cut() {
        if (cut_.empty()) return;
        const auto place = cut_.begin() + static_cast<std::ptrdiff_t>(below(cut_.size()));
        chance(50) ? books_.give_back(**place, now_) : books_.lose(**place, some_verdict(), now_);
        awaited_.insert(*place);
        cut_.erase(place);
    }
    /// Something that was to be done is done.
    void finish(State state) {
        if (state == State::closing && !closing_cut_.empty()) {
            books_.closed(*closing_cut_.back());
            closing_cut_.pop_back();
        }
        Member* const member = pick(state);
        if (member == nullptr || awaited_.contains(member)) return;
        if (state == State::opening) widened_ = false;
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
            if (is_full) room_ = std::max<std::size_t>(known_.size() - count(State::closing), 1), room_since_ = now_;
            books_.failed(*member, is_full ? no_room() : nobody_there(), now_);
            const bool has_company = std::any_of(known_.begin(), known_.end(), [&](const auto& one) {
                return one.second.state == State::opening && one.second.used_at < begun + Books::slow;
            });
            if (!suspended_ && !any(State::lent) && !any(State::idle) && !has_company && !any(State::checking))
                for (; !queue_.empty() && queue_.front().second < begun + Books::slow; queue_.pop_front())
                    told_.push_back(queue_.front());  // (B7)
            return;
        }
        if (!is_well) {
            suspect_before_ = now_;
            books_.lose(*member, Verdict::doubt, now_);
            known_[member].state = State::closing;
            awaited_.insert(member);
            return;
        }
        known_[member].proved_at = now_;
        if (state == State::opening) known_[member].used_at = now_;
        if (state == State::opening && chance(80)) member->cutter = cutter_;
        state == State::opening ? books_.opened(*member, now_) : books_.checked(*member, now_);
        came_back(*member);
        if (state == State::opening) grows_ = queue_.size() > 1 || is_short();
    }
    void withdraw() {
        if (queue_.empty()) return;
        const auto place = queue_.begin() + static_cast<std::ptrdiff_t>(below(queue_.size()));
        EXPECT_TRUE(books_.withdraw(*place->first));
        EXPECT_FALSE(books_.withdraw(*place->first)) << "(B2)";
        queue_.erase(place);
        ++given_up_;
    }
    /// One who has found a session elsewhere.
    void find_better() {
        if (queue_.empty()) return;
        const std::size_t place = below(queue_.size());
        EXPECT_EQ(books_.withdraw_first(*queue_[place].first), place == 0);
        if (place == 0) queue_.pop_front();
    }
    /// A session that was to be lent is dead, or refused by a hook. Its waiter may be gone by then.
    void lend_in_vain(Member& member, std::pair<Somebody*, Time> waiter) {
        const bool is_gone = chance(30);
        EXPECT_FALSE(is_gone && books_.withdraw(*waiter.first)) << "it is about to be told";
        lose(member);
        EXPECT_EQ(books_.enqueue_again(*waiter.first), !is_gone);
        is_gone ? void(++given_up_) : queue_.push_front(waiter);
    }
    void let_time_pass() {
        constexpr std::chrono::milliseconds some[] = {1ms, 40ms, 600ms, 2s, 20s};
        now_ += some[below(std::size(some))];
        look();
    }
    void look() {
        one_closes_ = has_too_many() && any(State::idle);
        books_.look(now_);
        std::size_t overdue = 0;
        for (auto at = known_.begin(); at != known_.end();) {
            const auto& [member, known] = *at;
            const bool is_cut =
                known.state == State::lent && member->cutter && now_ - known.lent_at >= limits_.reclaim_threshold;
            if (is_cut) cut_.push_back(member), ++overdue;
            at = is_cut ? known_.erase(at) : std::next(at);
        }
        reclaimed_ += overdue;
        EXPECT_EQ(books_.take_cutters().size(), overdue) << "(B8)";
        EXPECT_EQ(books_.take_leaks().size(), overdue);
    }
    void sleep() {
        const std::chrono::milliseconds slept(below(2000));
        if (is_told_of_sleep_ && slept >= 1s) suspect_before_ = now_ + 1ns;
        is_told_of_sleep_ = true;
        books_.notice_sleep(asleep_ += slept, now_);
    }
    /// Those with whom the permits are shared.
    void have_others_change() {
        permits_.most = below(8);
        permits_.fair = 1 + below(2);
        permits_.another_waits = chance(60);
    }
    void run_the_service() {
        switch (below(5)) {
            case 0: ++refreshes_; return books_.refresh();
            case 1: suspended_ = !suspended_; return books_.suspend(suspended_);
            case 2: choose_sizes(limits_); return books_.resize(limits_.max_size, limits_.min_size, limits_.min_idle);
            case 3:
                if (!chance(20)) return;
                closed_ = true;
                told_.swap(queue_);
                return books_.close(now_);
            default: return widen();
        }
    }
    void widen() {
        const std::size_t most = begun_ + (coming() == 0 ? 1 : 0);
        widened_ = true;
        books_.widen(now_);
        drain();
        EXPECT_LE(begun_, most) << "(B4)";
    }

    /// Takes every duty, as a shell would, and does those that need no time.
    void drain() {
        for (Duty duty = books_.next(now_); duty.kind != Kind::none && !has_failed(); duty = books_.next(now_)) {
            switch (duty.kind) {
                case Kind::lend:
                    ASSERT_FALSE(queue_.empty());
                    EXPECT_EQ(duty.waiter, queue_.front().first) << "(B2)";
                    EXPECT_FALSE(suspended_);
                    lent(*duty.member);
                    if (const auto waiter = queue_.front();
                        queue_.pop_front(), !all_is_well_ && !has_failed() && chance(10))
                        lend_in_vain(*duty.member, waiter);
                    break;
                case Kind::refuse:
                    ASSERT_FALSE(told_.empty()) << "nobody is to be refused";
                    EXPECT_EQ(duty.waiter, told_.front().first) << "(B2)";
                    told_.pop_front();
                    break;
                case Kind::open:
                    ++begun_;
                    EXPECT_FALSE(closed_) << "(B5)";
                    EXPECT_GE(now_, books_.governor().next()) << "(B5)";
                    EXPECT_FALSE(known_.contains(duty.member));
                    EXPECT_LE(known_.size() + 1, limits_.max_size + lost()) << "(B1)";
                    EXPECT_LE(known_.size() + 1, room_ + static_cast<std::size_t>((now_ - room_since_) / 10s))
                        << "(B5)";
                    EXPECT_TRUE(opening_soon() < most_opening() && count(State::opening) < most_attempts()) << "(B4)";
                    EXPECT_TRUE(widened_ || is_short() || (may_lend() && coming() < queue_.size())) << "(B4)";
                    known_[duty.member] = {.used_at = now_, .refreshes = refreshes_};
                    break;
                case Kind::check:
                    ++begun_;
                    EXPECT_TRUE(known_.contains(duty.member));
                    EXPECT_EQ(known_[duty.member].state, State::idle) << "only idle ones are asked";
                    known_[duty.member].state = State::checking;
                    break;
                case Kind::close:
                    one_closes_ = false;
                    if (!known_.contains(duty.member)) {
                        EXPECT_EQ(awaited_.erase(duty.member), 1u) << "(B8)";
                        closing_cut_.push_back(duty.member);
                        break;
                    }
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
        EXPECT_FALSE(one_closes_) << "another pool waits for what is idle here";
    }
    void lent(Member& member) {
        EXPECT_TRUE(known_.contains(&member)) << "(B8)";
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
        known.lent_at = now_;
    }
    /// It is idle, unless the books say otherwise in their duties.
    void came_back(Member& member) {
        known_[&member].state = State::idle;
        if (closed_ || (queue_.empty() && has_too_many())) awaited_.insert(&member);
    }

    void check() {
        const PoolStats stats = books_.stats(now_);
        EXPECT_EQ(stats.size(), known_.size()) << "(B1)";
        EXPECT_EQ(stats.lent, count(State::lent)) << "(B1)";
        EXPECT_EQ(stats.idle, count(State::idle)) << "(B1)";
        EXPECT_EQ(stats.opening, count(State::opening)) << "(B1)";
        EXPECT_EQ(stats.checking, count(State::checking)) << "(B1)";
        EXPECT_EQ(stats.closing, count(State::closing)) << "(B1)";
        EXPECT_EQ(stats.waiting, queue_.size()) << "(B2)";
        EXPECT_EQ(stats.given_up, given_up_) << "(B2)";
        EXPECT_EQ(stats.reclaimed, reclaimed_) << "(B8)";
        EXPECT_EQ(permits_.held, has_permits_ ? known_.size() : 0) << "(B8)";
        const bool may_want_one = !queue_.empty() || widened_ || limits_.min_size + limits_.min_idle != 0;
        EXPECT_FALSE(permits_.is_waiting && !may_want_one) << "nobody wants one";
        EXPECT_EQ(books_.wants_back(now_),
                  closed_ || suspended_ || size() > limits_.max_size + lost() || has_too_many());
        EXPECT_EQ(books_.waiters(), queue_.size());
        EXPECT_EQ(books_.members().size(), known_.size());
        EXPECT_LE(books_.look_by(now_), now_ + 500ms);
        if (!queue_.empty() && may_lend()) {
            for (const auto& [member, known] : known_)
                EXPECT_FALSE(known.state == State::idle && known.used_at == last_used() && is_proved(known)) << "(B3)";
            const std::size_t room = room_ + static_cast<std::size_t>((now_ - room_since_) / 10s);
            const bool may_open = known_.size() < std::min(books_.may_be_lent() + lost(), room) &&
                                  opening_soon() < most_opening() && count(State::opening) < most_attempts() &&
                                  now_ >= books_.governor().next() && (!has_permits_ || permits_.held < permits_.most);
            EXPECT_TRUE(coming() >= queue_.size() || (!may_open && stats.idle == 0)) << "somebody waits for nothing";
        }
    }

    /// Everything succeeds from now on: whoever waits is served, and the least sizes are reached.
    void come_to_an_end() {
        all_is_well_ = true;
        permits_.most = 1000;
        permits_.another_waits = false;
        if (suspended_) books_.suspend(suspended_ = false);
        for (int round = 0; round < 500 && !has_failed(); ++round) {
            now_ += 200ms;  // all together the server gets room again for as many as there may be
            look();
            drain();
            succeed();
            check();
        }
        succeed();  // what the last look replaced
        EXPECT_TRUE(queue_.empty()) << "somebody was forgotten";
        EXPECT_GE(books_.open_ones(), closed_ ? 0 : limits_.min_size);
        EXPECT_LE(known_.size(), limits_.max_size) << "(B1)";
        closed_ = true;
        books_.close(now_);
        drain();
        succeed();
        EXPECT_FALSE(books_.any_member());
        for (; !cut_.empty(); drain()) come_back_cut();
        while (!closing_cut_.empty()) finish(State::closing);
    }

    /// Whatever is under way ends well.
    void succeed() {
        for (const State state : {State::lent, State::opening, State::checking, State::closing}) {
            for (Member* member = pick(state); member != nullptr && !has_failed(); member = pick(state)) {
                known_[member].proved_at = now_;
                if (state == State::opening) known_[member].used_at = now_;
                if (state == State::lent) note_return(*member), books_.give_back(*member, now_);
                if (state == State::opening) books_.opened(*member, now_);
                if (state == State::checking) books_.checked(*member, now_);
                if (state == State::closing) known_.erase(member), books_.closed(*member);
                if (state != State::closing) came_back(*member);
                if (state == State::opening) grows_ = queue_.size() > 1 || is_short();
                drain();
            }
        }
    }

    [[nodiscard]] bool is_proved(const Known& known) const {
        return known.proved_at >= suspect_before_ && now_ - known.proved_at < limits_.ping_after;
    }
    [[nodiscard]] bool has_too_many() const { return has_permits_ && permits_.are_too_many(size()); }
    [[nodiscard]] std::size_t size() const { return known_.size() - count(State::closing); }
    [[nodiscard]] bool is_late(std::chrono::nanoseconds patience) const {
        const auto waiting = static_cast<double>(queue_.size() + 1), lent = static_cast<double>(count(State::lent));
        return limits_.refuse_early && returns_ >= 16 && lent != 0 && count(State::lent) >= books_.limit(now_) &&
               hold_ * waiting / lent >= static_cast<double>(patience.count() + 1);
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
    [[nodiscard]] std::size_t coming() const { return opening_soon() + count(State::checking); }
    [[nodiscard]] bool may_lend() const { return !suspended_ && count(State::lent) < books_.may_be_lent(); }
    [[nodiscard]] std::size_t most_opening() const {
        return (any(State::lent) || any(State::checking)) && !grows_ ? 1 : limits_.max_connecting;
    }
    /// Of sessions that are not to close when they can.
    [[nodiscard]] bool is_short() const {
        std::size_t fit = 0, spare = count(State::opening) + count(State::checking);
        for (const auto& [member, known] : known_) {
            const bool is_fit = known.state != State::closing && !member->unwanted;
            fit += is_fit ? 1 : 0;
            spare += is_fit && known.state == State::idle ? 1 : 0;
        }
        return fit < limits_.min_size || spare < limits_.min_idle;
    }
    /// One of those that may never be open.
    [[nodiscard]] std::size_t most_attempts() const { return limits_.max_connecting + lost(); }
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
    SomePermits permits_;
    const bool has_permits_;
    Books books_;
    Time now_ = Time() + 1h, suspect_before_{}, room_since_{};
    std::size_t room_ = 1000;  // of the server, when it was asked last
    int refreshes_ = 0, returns_ = 0;
    bool suspended_ = false, closed_ = false, grows_ = false;  // one that was opened was not enough
    std::size_t begun_ = 0;                                    // to open, or to check
    bool widened_ = false;                                     // an attempt may be wanted that nobody waits for
    bool all_is_well_ = false;                                 // from now on
    bool is_told_of_sleep_ = false, one_closes_ = false;       // the last: is to, at once
    std::chrono::nanoseconds asleep_{};
    double hold_ = 0;  // how long sessions were held, the last sixteen counting for most
    std::uint64_t given_up_ = 0, reclaimed_ = 0;
    const std::shared_ptr<const Cutter> cutter_ = std::make_shared<const Cutter>(-1);
    std::vector<Member*> cut_, closing_cut_;  // until they come back, and then
    std::deque<Somebody> waiters_;            // all that ever were
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
