// Machine beside a naive server: what the one may say the other takes, and nothing else, in thousands of random
// sessions.
#include <algorithm>
#include <deque>
#include <map>
#include <random>

#include "src/wire/machine.hpp"
#include "tests/unit/wire/wire_bytes.hpp"

using namespace pg::wire;

namespace {

/// A server that reads messages one after another from a list, and answers as the documentation of the protocol tells.
class NaiveServer {
public:
    void hear(Sent what) {
        unread_.push_back(what);
        pass_over();
    }

    /// The kinds of message that it may say now, asides apart.
    [[nodiscard]] std::string_view may_say() const {
        if (unread_.empty()) return "E";
        switch (phase_) {
            case Phase::start: break;
            case Phase::described: return "TnE";
            case Phase::rows: return "TDCE";
            case Phase::more: return "TCGHZE";
            case Phase::copying_in:
            case Phase::copied: return "CE";
            case Phase::copying_out: return "dcE";
            case Phase::failed: return "ZE";
        }
        switch (unread_.front()) {
            case Sent::parse: return "1E";
            case Sent::bind: return "2E";
            case Sent::describe_statement: return "tE";
            case Sent::describe_portal: return "TnE";
            case Sent::execute: return "DCIsGHE";
            case Sent::close: return "3E";
            case Sent::sync: return "ZE";
            case Sent::query: return "TCIGHE";
        }
        return {};
    }

    void say(char type) {
        if (type == 'E') return fail();
        const bool is_query = unread_.front() == Sent::query;
        switch (type) {
            case 't': phase_ = Phase::described; return;
            case 'T':
                if (!is_query) break;
                phase_ = Phase::rows;
                return;
            case 'D':
            case 'd': return;
            case 'G': {
                phase_ = Phase::copying_in;
                const auto next =
                    std::find_if(unread_.begin() + 1, unread_.end(), [](Sent s) { return s != Sent::sync; });
                unread_.erase(unread_.begin() + 1, next);
                return;
            }
            case 'H': phase_ = Phase::copying_out; return;
            case 'c': phase_ = Phase::copied; return;
            case 'C':
                if (!is_query) break;
                phase_ = Phase::more;
                return;
            case 'I':
                if (!is_query) break;
                phase_ = Phase::failed;  // no more than that, too
                return;
            default: break;
        }
        unread_.pop_front();
        phase_ = Phase::start;
    }

    [[nodiscard]] bool idle() const { return unread_.empty() && !skipping_; }
    [[nodiscard]] bool skipping() const { return skipping_; }
    [[nodiscard]] bool may_say_rows() const { return may_say().find('D') != std::string_view::npos; }
    [[nodiscard]] bool copying_in() const { return phase_ == Phase::copying_in; }
    [[nodiscard]] bool copying_out() const { return phase_ == Phase::copying_out; }

private:
    enum class Phase { start, described, rows, more, copying_in, copying_out, copied, failed };

    void fail() {
        if (unread_.empty() || unread_.front() == Sent::sync) return;
        const bool is_query = unread_.front() == Sent::query;
        phase_ = is_query ? Phase::failed : Phase::start;
        skipping_ = !is_query;
        pass_over();
    }

    void pass_over() {
        while (skipping_ && !unread_.empty()) {
            skipping_ = unread_.front() != Sent::sync;
            if (skipping_) unread_.pop_front();
        }
    }

    std::deque<Sent> unread_;
    Phase phase_ = Phase::start;
    bool skipping_ = false;
};

const std::map<char, Event> meanings{
    {'1', Event::progress},  {'2', Event::progress},     {'3', Event::progress}, {'t', Event::parameters},
    {'T', Event::columns},   {'n', Event::no_columns},   {'D', Event::row},      {'C', Event::complete},
    {'I', Event::empty},     {'s', Event::suspended},    {'G', Event::copy_in},  {'H', Event::copy_out},
    {'d', Event::copy_data}, {'c', Event::copy_done},    {'E', Event::failed},   {'Z', Event::ready},
    {'N', Event::notice},    {'A', Event::notification}, {'S', Event::parameter}};

/// One session: everything about it comes from its seed.
class Session {
public:
    explicit Session(std::uint32_t seed) : random_(seed), failures_(1 + below(40)), eagerness_(1 + below(6)) {}

    /// Sends and answers, all of it legal.
    void go_on(int steps) {
        for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
            if (below(eagerness_ + 2) < eagerness_ / 2 + 1) {
                const auto what = static_cast<Sent>(below(8));
                history_ += {'>', static_cast<char>('a' + static_cast<int>(what)), ' '};
                machine_.sent(what);
                server_.hear(what);
            } else if (below(10) == 0) {
                expect("NAS"[below(3)]);
            } else {
                answer();
            }
            expect_alike();
        }
    }

    /// Says something that no server may say now. Everything is a violation from then on.
    void break_off() {
        std::string illegal;
        for (const char type : std::string_view("RK23CWdcGHDIVvnt1sZT?"))
            if (server_.may_say().find(type) == std::string_view::npos) illegal += type;
        const char type = illegal[below(illegal.size())];
        EXPECT_EQ(said(type), Event::violation) << history_ << " then " << type;
        for (const char any : std::string_view("1ZENASD")) EXPECT_EQ(said(any), Event::violation);
    }

private:
    std::size_t below(std::size_t bound) { return random_() % bound; }

    void answer() {
        std::string_view choice = server_.may_say();
        // Errors come by and by, or nothing else would be seen; unasked ones end a session.
        if (choice == "E" || below(failures_) != 0) choice.remove_suffix(1);
        if (choice.empty()) return;
        const char type = choice[below(choice.size())];
        server_.say(type);
        expect(type);
    }

    Event said(char type) {
        const bool is_ready = type == 'Z';
        if (is_ready) state_ = "ITE"[below(3)];
        return machine_.accept({static_cast<ServerType>(type), is_ready ? std::string_view(&state_, 1) : ""});
    }

    void expect(char type) {
        history_ += type;
        ASSERT_EQ(said(type), meanings.at(type)) << history_;
        if (type == 'Z') transaction_ = static_cast<TransactionState>(state_);
    }

    void expect_alike() const {
        EXPECT_EQ(machine_.idle(), server_.idle()) << history_;
        EXPECT_EQ(machine_.skipping(), server_.skipping()) << history_;
        EXPECT_EQ(machine_.in_rows(), server_.may_say_rows()) << history_;
        EXPECT_EQ(machine_.copying_in(), server_.copying_in()) << history_;
        EXPECT_EQ(machine_.copying_out(), server_.copying_out()) << history_;
        EXPECT_EQ(machine_.transaction(), transaction_) << history_;
        EXPECT_FALSE(machine_.violation()) << history_;
    }

    std::mt19937 random_;
    const std::size_t failures_, eagerness_;
    Machine machine_;
    NaiveServer server_;
    char state_ = 'I';
    TransactionState transaction_ = TransactionState::idle;
    std::string history_;  ///< what was sent stands behind >, from a on in the order of Sent
};

TEST(MachineModel, TakesWhatAServerMaySayAndNothingElse) {
    for (std::uint32_t seed = 0; seed < 20000 && !HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        Session session(seed);
        session.go_on(static_cast<int>(seed % 120));
        session.break_off();
    }
}

TEST(MachineModel, TakesLongSessions) {
    for (std::uint32_t seed = 1; seed <= 20 && !HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        Session session(seed);
        session.go_on(10000);
    }
}

}  // namespace
