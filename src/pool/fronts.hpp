// Fronts: the sessions that came back last, for whoever comes next, without a lock. Internal to pool.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "src/pool/books.hpp"

namespace pg::pool {

/// A few places for a session each. Whoever looks for a session, or for room, begins where the same thread last found
/// room: so threads that run at the same time come to have places of their own, and leave alone those of the others.
/// Thread-safe, and all of it is sequentially consistent.
class Fronts {
public:
    /// One that is here; null when none is.
    [[nodiscard]] Member* take() noexcept {
        if (Member* const member = take(places_[at_])) [[likely]]
            return member;
        return any() ? take_elsewhere() : nullptr;
    }
    /// False when there is no room.
    [[nodiscard]] bool put(Member& member) noexcept {
        if (put(places_[at_], member)) [[likely]]
            return true;
        return put_elsewhere(member);
    }
    /// Takes what is in each place once, one after the other.
    template <class Use>
    void empty(Use use) {
        for (Place& place : places_)
            if (Member* const member = take(place)) use(*member);
    }
    /// Those that are here, each once, although it may move meanwhile.
    [[nodiscard]] std::vector<const Member*> members() const {
        std::vector<const Member*> members;
        for (const Place& place : places_)
            if (const Member* const member = place.member;
                member != nullptr && std::ranges::count(members, member) == 0)
                members.push_back(member);
        return members;
    }

private:
    static constexpr std::uint32_t places = 8;
    struct alignas(64) Place {  // a cache line of its own
        std::atomic<Member*> member{nullptr};
    };

    [[nodiscard]] static Member* take(Place& place) noexcept {
        return place.member.load() == nullptr ? nullptr : place.member.exchange(nullptr);
    }
    [[nodiscard]] static bool put(Place& place, Member& member) noexcept {
        Member* nobody = nullptr;
        return place.member.load() == nullptr && place.member.compare_exchange_strong(nobody, &member);
    }
    [[nodiscard]] bool any() const noexcept {
        bool any = false;
        for (const Place& place : places_) any |= place.member.load() != nullptr;
        return any;
    }
    [[nodiscard]] Member* take_elsewhere() noexcept;
    [[nodiscard]] bool put_elsewhere(Member& member) noexcept;

    static constinit inline thread_local std::uint32_t at_ = 0;  // the place where this thread begins, in any pool

    std::array<Place, places> places_;
};

}  // namespace pg::pool
