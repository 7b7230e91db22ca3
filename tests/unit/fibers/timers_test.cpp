// Timers: beside a naive model of them.
#include "src/fibers/timers.hpp"

#include <gtest/gtest.h>
#include <random>

namespace pg::fibers {
namespace {

using Moment = Deadline::Clock::time_point;

Moment moment(int tick) { return Moment(std::chrono::seconds(tick)); }

/// Timers that are set or not, and what is known of each without asking them.
class Model {
public:
    static constexpr std::size_t most = 70;

    void set(std::size_t which, int tick) {
        heap_.set(timers_[which], moment(tick));
        known_[which] = moment(tick);
    }
    void cancel(std::size_t which) {
        heap_.cancel(timers_[which]);
        known_[which].reset();
    }
    /// Takes the first one out; false when it is not the first of the model.
    [[nodiscard]] bool take_first() {
        spi::Timer& first = heap_.first();
        const auto which = static_cast<std::size_t>(&first - timers_.data());
        const bool right = known_[which] && *known_[which] == first.when && first.when == *earliest();
        cancel(which);
        return right;
    }
    [[nodiscard]] std::optional<Moment> earliest() const {
        std::optional<Moment> least;
        for (const auto& when : known_)
            if (when && (!least || *when < *least)) least = when;
        return least;
    }
    /// Empty when all is as it should be: those of the list are in its order, and those of the heap in its places.
    [[nodiscard]] std::string check() const {
        const std::optional<Moment> least = earliest();
        if (heap_.empty() != !least) return "it is empty, or the model is";
        if (least && heap_.first().when != *least) return "the first one is not the earliest";
        std::vector<const spi::Timer*> by_place(most + 1);
        std::size_t count = 0;
        std::size_t listed = 0;
        for (std::size_t at = 0; at < most; ++at) {
            const spi::Timer& timer = timers_[at];
            if ((timer.place != 0) != known_[at].has_value()) return "a place is kept after the end, or lost before";
            if (timer.place == 0) continue;
            if (timer.when != *known_[at]) return "a moment has changed";
            if (timer.place > most) {
                ++listed;
                if (timer.before && (timer.before->behind != &timer || timer.when < timer.before->when))
                    return "a timer of the list is not behind the one before it";
                if (timer.behind && timer.behind->before != &timer) return "the list is not the same both ways";
                continue;
            }
            if (std::exchange(by_place[timer.place], &timer) != nullptr) return "a place is shared";
            ++count;
        }
        for (std::size_t place = 1; place <= count; ++place) {
            if (by_place[place] == nullptr) return "there is a hole between the places";
            if (place > 1 && by_place[place]->when < by_place[place / 2]->when)
                return "a child comes before its parent";
        }
        if (least && heap_.first().place != 1 && heap_.first().before != nullptr)
            return "the first one is at no first place";
        most_listed_ = std::max(most_listed_, listed);
        most_in_heap_ = std::max(most_in_heap_, count);
        return {};
    }
    /// Of all checks. @{
    [[nodiscard]] std::size_t most_listed() const { return most_listed_; }
    [[nodiscard]] std::size_t most_in_heap() const { return most_in_heap_; }  /// @}

private:
    Timers heap_;
    std::vector<spi::Timer> timers_{most};
    std::vector<std::optional<Moment>> known_{most};
    mutable std::size_t most_listed_ = 0;
    mutable std::size_t most_in_heap_ = 0;
};

TEST(Timers, AreInTheOrderOfAModelWhateverIsDoneToThem) {
    std::mt19937 random(20'260);
    const auto below = [&](int end) { return static_cast<int>(random() % static_cast<unsigned int>(end)); };
    Model model;
    for (int step = 0; step < 10'000; ++step) {
        const auto which = static_cast<std::size_t>(below(static_cast<int>(Model::most)));
        // Phases in which the heap grows and shrinks; few moments, so that many are equal.
        const int action = below(10);
        const bool growing = step / 1'000 % 2 == 0;
        bool right = true;
        if (action < (growing ? 6 : 3))
            model.set(which, below(step % 2 == 0 ? 50 : 100'000));
        else if (action < 8)
            model.cancel(which);
        else if (model.earliest())
            right = model.take_first();
        ASSERT_TRUE(right) << "step " << step;
        ASSERT_EQ(step % 16 == 0 ? model.check() : "", "") << "step " << step;
    }
    EXPECT_GT(model.most_listed(), 3u);
    EXPECT_GT(model.most_in_heap(), 20u);
}

TEST(Timers, OfTheSameTimeAreAllInTheList) {
    Model model;
    for (std::size_t which = 0; which < Model::most; ++which) model.set(which, static_cast<int>(which / 3));
    EXPECT_EQ(model.check(), "");
    EXPECT_EQ(model.most_listed(), Model::most);
    model.cancel(0);
    model.cancel(Model::most / 2);
    model.cancel(Model::most - 1);
    EXPECT_EQ(model.check(), "");
    while (model.earliest()) ASSERT_TRUE(model.take_first());
    EXPECT_EQ(model.check(), "");
}

TEST(Timers, PassAFewThatComeLater) {
    Model model;
    for (std::size_t which = 0; which < 3; ++which) model.set(which, 1'000);
    for (std::size_t which = 3; which < Model::most; ++which) model.set(which, static_cast<int>(which));
    EXPECT_EQ(model.check(), "");
    EXPECT_EQ(model.most_listed(), Model::most);
    while (model.earliest()) ASSERT_TRUE(model.take_first());
}

TEST(Timers, ComeOutInOrderAndLeaveNothing) {
    std::mt19937 random(1);
    Timers heap;
    std::vector<spi::Timer> timers(1'000);
    for (spi::Timer& timer : timers) heap.set(timer, moment(static_cast<int>(random() % 300)));
    Moment before{};
    for (std::size_t taken = 0; taken < timers.size(); ++taken) {
        ASSERT_FALSE(heap.empty());
        spi::Timer& first = heap.first();
        ASSERT_LE(before, first.when);
        before = first.when;
        heap.cancel(first);
        ASSERT_EQ(first.place, 0u);
    }
    EXPECT_TRUE(heap.empty());
}

TEST(Timers, TakeAnotherMomentWhenSetAgain) {
    Timers heap;
    spi::Timer one, other;
    heap.set(one, moment(1));
    heap.set(other, moment(2));
    heap.set(one, moment(3));
    EXPECT_EQ(&heap.first(), &other);
    heap.set(one, moment(1));
    EXPECT_EQ(&heap.first(), &one);
    heap.cancel(one);
    heap.cancel(one);
    EXPECT_EQ(&heap.first(), &other);
    heap.cancel(other);
    EXPECT_TRUE(heap.empty());
}

}  // namespace
}  // namespace pg::fibers
