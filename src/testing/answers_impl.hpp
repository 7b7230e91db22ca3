// The list behind Answers, and the words of a statement that it looks at.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "pg/testing/answers.hpp"

namespace pg::testing {

/// The text without blanks and semicolons at its ends.
[[nodiscard]] std::string_view trimmed(std::string_view sql);

[[nodiscard]] ErrorFields report(SqlState sqlstate, std::string message);

/// Service. Thread-safe.
struct Answers::Impl {
    /// What would come of the statement now; nothing when no answer fits. `take` uses it up, `look` does not. @{
    [[nodiscard]] std::optional<Answer> look(std::string_view sql) const;
    [[nodiscard]] std::optional<Answer> take(std::string_view sql);  /// @}
    /// The error of the statement now, when it is one of preparing it; used up.
    [[nodiscard]] std::optional<ErrorFields> take_refusal(std::string_view sql);
    void add(std::string_view sql, Answer answer);
    void set_default(Answer answer);

private:
    /// The answers to one text, and how many were given.
    struct Queue {
        std::vector<Answer> answers;
        std::size_t given = 0;
        [[nodiscard]] const Answer& next() const { return answers[std::min(given, answers.size() - 1)]; }
    };

    mutable std::mutex mutex_;  ///< guards what follows
    std::map<std::string, Queue, std::less<>> queues_;
    std::optional<Answer> default_;
};

}  // namespace pg::testing
