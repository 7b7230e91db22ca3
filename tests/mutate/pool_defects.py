# The defects that ./run mutate plants where a pool refuses or ends, and in what a copy of the process has of it.
from defect import Defect

DEFECTS_OF_ENDS = (
    Defect("src/pool/books.cpp", " || count(State::opening) >= limits_.max_connecting + lost(now);", ";", ("books_test",),
           "one who waits for a slow server knocks every second"),
    Defect("src/pool/books.cpp", "return other->used_at < begun + slow;", "return true;", ("books_test",),
           "nobody is told of a slow failure while others stand in for it"),
    Defect("src/pool/books.cpp", "if (!more_may_come && !suspended_) refuse", "if (!more_may_come) refuse", ("books_test",),
           "who waits for a suspended pool is refused"),
    Defect("src/pool/books.cpp", "members_.size() < limit(now) && !waits_for_permit_;", "members_.size() < limit(now);", ("books_test",),
           "a pool never replaces what is too old when the budget is used up"),
    Defect("src/pool/books.cpp", "    if (verdict == Verdict::doubt && was_asked && !queue_.empty()) ask_all(now);\n", "", ("books_test",),
           "dead sessions are asked one after the other"),
    Defect("src/pool/books.cpp", "if (closed_ && members_.empty()) return Time::max();", "if (closed_) return Time::max();", ("books_test",),
           "a closed pool takes nothing back"),
    Defect("src/pool/budget_book.hpp", "return one->is_urgent && size >", "return size >", ("books_test",),
           "pools take from each other what they want for their least sizes"),
    Defect("src/pool/session_pool_service.cpp", "        empty_fronts(now);  // what", "        // what", ("session_pool_test",),
           "what stands in front of the books is counted as lent where sessions are late"),
    Defect("src/pool/session_pool_service.cpp", "    openings_->wait(until);\n", "", ("async_test",),
           "the end of a client leaves what it opens"),
    Defect("src/pool/session_pool.cpp", "        if (waiter.turned_away >= most_turned_away) return turn_away(waiter), true;\n", "", ("session_pool_test",),
           "a hook refuses all idle sessions to one request"),
    Defect("src/base/fork.hpp", "local == nullptr || !local->birthplace.is_here()", "local == nullptr", ("fork_test", "async_test"),
           "a copy of the process uses what came along"),
    Defect("src/base/fork.hpp", "if (local != nullptr && local->birthplace.is_here()) delete local;", "delete local;", ("fork_test",),
           "a copy of the process ends what came along"),
)
