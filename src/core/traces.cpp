// What a statement leaves behind: in its session, and in what texts mean from then on.
#include <algorithm>
#include <initializer_list>

#include "src/core/context.hpp"

namespace pg::detail {
namespace {

/// Whether a text has one of these words in it, which are in lower case. It need not stand alone: what is found too
/// often costs a little time, and what is missed a wrong answer.
bool mentions(std::string_view text, std::initializer_list<std::string_view> words) {
    const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
    });
}

StatementCache* statements_of(const spi::SessionSlot& slot) { return static_cast<StatementCache*>(slot.memory.get()); }

/// A name may mean something new from now on: a server does not look whether a table that was made since stands before
/// the one that a prepared statement is about. A temporary one does so in its own session only.
void note_new_names(Context& context, spi::SessionSlot& slot, bool are_temporary) {
    StatementCache* const statements = statements_of(slot);
    if (are_temporary) {
        if (statements) statements->close_all(*slot.session);
        return;
    }
    context.schema_changes->fetch_add(1, std::memory_order_relaxed);
    // For the others that is so when the transaction ends.
    if (statements && slot.session->transaction_status() != spi::TransactionStatus::idle) statements->await_commit();
}

}  // namespace

void note_traces(spi::SessionSlot& slot, std::string_view sql) {
    slot.dirty = true;
    if (mentions(sql, {"search_path", "role", "authorization", "schema", "set_config($"})) slot.renamed = true;
    if (slot.memory && mentions(sql, {"discard", "deallocate"})) statements_of(slot)->forget_all();
}

void note_tag(Context& context, spi::SessionSlot& slot, std::string_view tag, std::string_view sql) {
    if (tag.empty()) return;
    if (tag == "COMMIT") return note_commit(context, slot);
    for (const std::string_view telling :
         {"SET", "LISTEN", "DECLARE CURSOR", "PREPARE", "LOAD", "DO", "DISCARD ALL", "DEALLOCATE", "DEALLOCATE ALL"})
        if (tag == telling) note_traces(slot, sql);
    // CREATE TABLE … AS and SELECT … INTO say how many rows they have selected.
    if (tag.starts_with("CREATE") || tag.starts_with("ALTER") ||
        (tag.starts_with("SELECT") && mentions(sql, {"create", "into"})))
        note_new_names(context, slot, mentions(sql, {"temp"}));
}

void note_script(Context& context, spi::SessionSlot& slot, std::string_view text) {
    if (mentions(text, {"create", "alter", "into"})) note_new_names(context, slot, false);
    if (mentions(text, {"commit", "end"})) note_commit(context, slot);
}

void note_commit(Context& context, spi::SessionSlot& slot) {
    if (slot.memory && statements_of(slot)->has_committed())
        context.schema_changes->fetch_add(1, std::memory_order_relaxed);
}

}  // namespace pg::detail
