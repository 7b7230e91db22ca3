// Timers: which moment comes next.
#pragma once

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "pg/spi/reactor.hpp"

namespace pg::fibers {

/// One thread at a time. Throws std::bad_alloc.
///
/// Most timers are set for a later moment than those before them, since most calls have the same time: they stand in a
/// list, in their order, and come and go at no cost. One that would have to pass more than a few is in a binary heap,
/// whose timers know their places in it.
class Timers {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr && heap_.empty(); }
    /// Undefined when it is empty.
    [[nodiscard]] spi::Timer& first() const noexcept {
        const bool is_in_list = heap_.empty() || (first_ != nullptr && first_->when <= heap_.front()->when);
        return is_in_list ? *first_ : *heap_.front();
    }

    /// `timer` is among them afterwards, at the place of its moment.
    void set(spi::Timer& timer, Deadline::Clock::time_point when) {
        cancel(timer);
        timer.when = when;
        spi::Timer* before = last_;
        for (int passed = 0; before != nullptr && when < before->when; before = before->before)
            if (++passed > most_passed) return push(timer);
        link(timer, before);
    }
    void cancel(spi::Timer& timer) noexcept {
        if (timer.place == 0) return;
        const std::size_t place = std::exchange(timer.place, 0);
        if (place == in_list)
            unlink(timer);
        else
            take_out(timer, place);
    }

private:
    static constexpr std::size_t in_list = std::numeric_limits<std::size_t>::max();
    static constexpr int most_passed = 4;

    // The list. @{
    void link(spi::Timer& timer, spi::Timer* before) noexcept {
        spi::Timer*& next = before == nullptr ? first_ : before->behind;
        timer.place = in_list;
        timer.before = before;
        timer.behind = std::exchange(next, &timer);
        (timer.behind == nullptr ? last_ : timer.behind->before) = &timer;
    }
    void unlink(spi::Timer& timer) noexcept {
        (timer.before == nullptr ? first_ : timer.before->behind) = timer.behind;
        (timer.behind == nullptr ? last_ : timer.behind->before) = timer.before;
    }  /// @}

    // The heap. Places count from one: the parent of n is n / 2. @{
    void push(spi::Timer& timer) {
        heap_.push_back(&timer);
        timer.place = heap_.size();
        rise(timer.place);
    }
    void take_out(const spi::Timer& timer, std::size_t place) noexcept {
        spi::Timer* const last = heap_.back();
        heap_.pop_back();
        if (last == &timer) return;
        put(place, last);
        rise(place);
        sink(last->place);
    }
    [[nodiscard]] spi::Timer* at(std::size_t place) const noexcept { return heap_[place - 1]; }
    void put(std::size_t place, spi::Timer* timer) noexcept {
        heap_[place - 1] = timer;
        timer->place = place;
    }
    void rise(std::size_t place) noexcept {
        spi::Timer* const timer = at(place);
        for (; place > 1 && timer->when < at(place / 2)->when; place /= 2) put(place, at(place / 2));
        put(place, timer);
    }
    void sink(std::size_t place) noexcept {
        spi::Timer* const timer = at(place);
        for (std::size_t child = 2 * place; child <= heap_.size(); child = 2 * place) {
            if (child < heap_.size() && at(child + 1)->when < at(child)->when) ++child;
            if (timer->when <= at(child)->when) break;
            put(place, at(child));
            place = child;
        }
        put(place, timer);
    }  /// @}

    spi::Timer* first_ = nullptr;
    spi::Timer* last_ = nullptr;
    std::vector<spi::Timer*> heap_;
};

}  // namespace pg::fibers
