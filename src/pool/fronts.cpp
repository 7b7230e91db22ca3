// Looking for a session, or for room, in the places of others.
#include "src/pool/fronts.hpp"

namespace pg::pool {

Member* Fronts::take_elsewhere() noexcept {
    for (Place& place : places_)
        if (Member* const member = take(place)) return member;
    return nullptr;
}

bool Fronts::put_elsewhere(Member& member) noexcept {
    for (std::uint32_t place = 0; place < places; ++place)
        if (put(places_[place], member)) return at_ = place, true;
    return false;
}

}  // namespace pg::pool
