// tsquery. A tree may be as deep as its value is long, so nothing here calls itself.
#include <algorithm>
#include <optional>

#include "pg/types/text_search.hpp"
#include "src/value/reader.hpp"
#include "src/value/types/lexeme.hpp"
#include "src/value/types/text_form.hpp"

namespace pg {
namespace {

using detail::Reader;
using detail::Scanner;
using Kind = TsQuery::Kind;
using Node = TsQuery::Node;

constexpr Fault malformed{"malformed tsquery"};
constexpr std::uint8_t wire_lexeme = 1;
constexpr std::uint8_t wire_operator = 2;
constexpr std::size_t least_node_size = 2;
constexpr std::uint8_t all_weights = 15;
constexpr std::uint16_t max_distance = 16384;

bool is_binary(Kind kind) { return kind != Kind::lexeme && kind != Kind::negation; }

// How closely an operator binds.
int priority(Kind kind) {
    switch (kind) {
        case Kind::disjunction: return 1;
        case Kind::conjunction: return 2;
        case Kind::phrase: return 3;
        default: return 4;
    }
}

// One tree, and nothing behind it: read from the end, every operator finds its sides done.
Fault check(const TsQuery& query) {
    std::size_t trees = 0;
    for (auto node = query.nodes.rbegin(); node != query.nodes.rend(); ++node) {
        if (node->kind > Kind::phrase || node->weights > all_weights || node->distance > max_distance) return malformed;
        const std::size_t sides = node->kind == Kind::lexeme ? 0 : is_binary(node->kind) ? 2 : 1;
        if (trees < sides) return {"tsquery with an operator that lacks a side"};
        trees = trees - sides + 1;
    }
    return trees > 1 ? Fault{"tsquery with two lexemes and no operator between them"} : Fault{};
}

// ---- text: reading ---------------------------------------------------------------------------------

bool scan_lexeme(Scanner& text, Node& out) {
    if (!detail::scan_lexeme(text, out.word)) return false;
    if (!text.take(':')) return true;
    out.is_prefix = text.take('*');
    constexpr char weights[] = {'D', 'C', 'B', 'A'};
    for (int bit = 3; bit >= 0; --bit)
        if (text.take(weights[bit])) out.weights = static_cast<std::uint8_t>(out.weights | 1 << bit);
    return out.is_prefix || out.weights != 0;
}

// ` & `, ` | `, ` <-> ` or ` <3> `.
bool scan_operator(Scanner& text, Node& out) {
    if (text.take(" & ")) {
        out.kind = Kind::conjunction;
    } else if (text.take(" | ")) {
        out.kind = Kind::disjunction;
    } else if (text.take(" <-> ")) {
        out.kind = Kind::phrase;
        out.distance = 1;
    } else {
        out.kind = Kind::phrase;
        return text.take(" <") && text.take_digits(1, 5, out.distance) && text.take("> ");
    }
    return true;
}

// Operators wait on a stack until one that binds less closely comes; nullopt is an open bracket. What leaves the stack
// is in postfix order, and that backwards is the server's order.
class TextReader {
public:
    explicit TextReader(std::string_view bytes) : text_(bytes) {}

    bool read(std::vector<Node>& out) {
        if (text_.at_end()) return true;
        while (true) {
            if (!read_operand()) return false;
            while (text_.take(" )"))
                if (!close_bracket()) return false;
            if (text_.at_end()) break;
            Node node;
            if (!scan_operator(text_, node)) return false;
            apply_waiting(priority(node.kind));
            waiting_.emplace_back(std::move(node));
        }
        apply_waiting(0);
        if (!waiting_.empty()) return false;
        std::reverse(done_.begin(), done_.end());
        out = std::move(done_);
        return true;
    }

private:
    // Any `!` and `( `, and a lexeme.
    bool read_operand() {
        while (true) {
            if (text_.take('!')) {
                waiting_.emplace_back(Node{Kind::negation, 0, false, 0, {}});
            } else if (text_.take("( ")) {
                waiting_.emplace_back(std::nullopt);
            } else {
                return scan_lexeme(text_, done_.emplace_back());
            }
        }
    }
    bool close_bracket() {
        apply_waiting(0);
        if (waiting_.empty()) return false;
        waiting_.pop_back();
        return true;
    }
    void apply_waiting(int least_priority) {
        while (!waiting_.empty() && waiting_.back() && priority(waiting_.back()->kind) >= least_priority) {
            done_.push_back(*std::move(waiting_.back()));
            waiting_.pop_back();
        }
    }

    Scanner text_;
    std::vector<Node> done_;
    std::vector<std::optional<Node>> waiting_;
};

// ---- text: writing ---------------------------------------------------------------------------------

Fault write_lexeme(Writer& out, const Node& node) {
    if (Fault fault = detail::write_lexeme(out, node.word)) return fault;
    if (!node.is_prefix && node.weights == 0) return {};
    out.put(':');
    if (node.is_prefix) out.put('*');
    constexpr char weights[] = {'D', 'C', 'B', 'A'};
    for (int bit = 3; bit >= 0; --bit)
        if (node.weights & 1 << bit) out.put(weights[bit]);
    return {};
}

void write_operator(Writer& out, const Node& node) {
    if (node.kind == Kind::conjunction) return out.put(" & ");
    if (node.kind == Kind::disjunction) return out.put(" | ");
    if (node.distance == 1) return out.put(" <-> ");
    out.put(" <");
    detail::write_integer(out, node.distance);
    out.put("> ");
}

// Where the tree of each node ends, which for the right side of an operator is where its left side begins.
std::vector<std::size_t> ends_of(const std::vector<Node>& nodes) {
    std::vector<std::size_t> ends(nodes.size());
    for (std::size_t i = nodes.size(); i-- > 0;) {
        std::size_t end = i + 1;
        if (nodes[i].kind != Kind::lexeme) end = ends[end];
        if (is_binary(nodes[i].kind)) end = ends[end];
        ends[i] = end;
    }
    return ends;
}

// What is left to write, the next last: a tree, the sign of an operator, or the bracket that closes one.
struct Task {
    enum class What : std::uint8_t { tree, sign, bracket } what;
    std::size_t node;
    int parent_priority;
    bool right_of_phrase;
};

Fault write_text(Writer& out, const std::vector<Node>& nodes) {
    const std::vector<std::size_t> ends = ends_of(nodes);
    std::vector<Task> tasks{{Task::What::tree, 0, 0, false}};
    while (!tasks.empty()) {
        const Task task = tasks.back();
        tasks.pop_back();
        const Node& node = nodes[task.node];
        if (task.what == Task::What::bracket) {
            out.put(" )");
        } else if (task.what == Task::What::sign) {
            write_operator(out, node);
        } else if (node.kind == Kind::lexeme) {
            if (Fault fault = write_lexeme(out, node)) return fault;
        } else {
            const int own = priority(node.kind);
            const std::size_t right = task.node + 1;
            // Phrases differ by how they nest, so one on the right side of another needs its brackets.
            if (own < task.parent_priority || (node.kind == Kind::phrase && task.right_of_phrase)) {
                out.put("( ");
                tasks.push_back({Task::What::bracket, task.node, 0, false});
            }
            tasks.push_back({Task::What::tree, right, own, node.kind == Kind::phrase});
            if (is_binary(node.kind)) {
                tasks.push_back({Task::What::sign, task.node, 0, false});
                tasks.push_back({Task::What::tree, ends[right], own, false});
            } else {
                out.put('!');
            }
        }
    }
    return {};
}

// ---- binary ----------------------------------------------------------------------------------------

bool read_node(Reader& reader, Node& out) {
    const auto item = reader.take<std::uint8_t>();
    if (item == wire_lexeme) {
        out.weights = reader.take<std::uint8_t>();
        out.is_prefix = reader.take<std::uint8_t>() != 0;
        out.word = reader.take_cstring();
        return !reader.failed();
    }
    const auto kind = reader.take<std::uint8_t>();
    if (item != wire_operator || kind < 1 || kind > 4) return false;
    out.kind = static_cast<Kind>(kind);
    if (out.kind == Kind::phrase) out.distance = reader.take<std::uint16_t>();
    return !reader.failed();
}

bool read_binary(std::string_view bytes, std::vector<Node>& out) {
    Reader reader(bytes);
    for (std::size_t left = reader.take_count(least_node_size); left > 0; --left)
        if (!read_node(reader, out.emplace_back())) return false;
    return reader.finished();
}

}  // namespace

bool Codec<TsQuery>::accepts(const WireType& wire) { return wire.oid == type.oid; }

Fault Codec<TsQuery>::decode(const Cell& cell, const WireType& wire, TsQuery& out) {
    TsQuery value;
    const bool is_read = wire.format == Format::binary ? read_binary(cell.bytes(), value.nodes)
                                                       : TextReader(cell.bytes()).read(value.nodes);
    if (!is_read) return malformed;
    if (Fault fault = check(value)) return fault;
    out = std::move(value);
    return {};
}

Fault Codec<TsQuery>::encode(Writer& out, const TsQuery& value) {
    if (Fault fault = check(value)) return fault;
    if (value.nodes.empty()) return {"empty tsquery, which servers do not read in binary"};
    out.put(static_cast<std::int32_t>(value.nodes.size()));
    for (const Node& node : value.nodes) {
        if (node.kind == Kind::lexeme) {
            out.put(wire_lexeme);
            out.put(node.weights);
            out.put(static_cast<std::uint8_t>(node.is_prefix));
            if (Fault fault = detail::put_lexeme(out, node.word)) return fault;
        } else {
            out.put(wire_operator);
            out.put(node.kind);
            if (node.kind == Kind::phrase) out.put(node.distance);
        }
    }
    return {};
}

Fault Codec<TsQuery>::encode_text(Writer& out, const TsQuery& value) {
    if (Fault fault = check(value)) return fault;
    return value.nodes.empty() ? Fault{} : write_text(out, value.nodes);
}

Expected<TsQuery> TsQuery::parse(std::string_view text) { return detail::parse_value<TsQuery>(text); }
std::string TsQuery::to_string() const { return detail::text_of(*this); }

}  // namespace pg
