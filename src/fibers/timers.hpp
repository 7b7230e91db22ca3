// Timers: which moment comes next. A binary heap of timers that know their places in it.
#pragma once

#include <algorithm>
#include <vector>

#include "pg/spi/reactor.hpp"

namespace pg::fibers {

/// One thread at a time. Throws std::bad_alloc.
class Timers {
public:
    [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
    [[nodiscard]] spi::Timer& first() const noexcept { return *heap_.front(); }  ///< undefined when it is empty

    /// `timer` is in the heap afterwards, at the place of its moment.
    void set(spi::Timer& timer, Deadline::Clock::time_point when) {
        cancel(timer);
        timer.when = when;
        heap_.push_back(&timer);
        timer.place = heap_.size();
        rise(timer.place);
    }
    void cancel(spi::Timer& timer) noexcept {
        if (timer.place == 0) return;
        const std::size_t place = std::exchange(timer.place, 0);
        spi::Timer* const last = heap_.back();
        heap_.pop_back();
        if (last == &timer) return;
        put(place, last);
        rise(place);
        sink(last->place);
    }

private:
    // Places count from one: the parent of n is n / 2.
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
    }

    std::vector<spi::Timer*> heap_;
};

}  // namespace pg::fibers
