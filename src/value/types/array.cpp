// The binary and text forms of arrays, whatever their elements are.
#include "pg/types/array.hpp"

#include "pg/catalog.hpp"
#include "src/value/types/literal.hpp"
#include "src/value/types/take_cell.hpp"

namespace pg::detail {
namespace {

constexpr Fault too_short{"array that ends too early"};
constexpr Fault malformed{"malformed array"};
constexpr Oid int2vector_oid{22};
constexpr Oid oidvector_oid{30};

// An array of more than `limit` elements does not fit the bytes it came in.
Fault check_shape(const ArrayShape& shape, std::size_t limit) {
    std::size_t count = 1;
    for (int i = 0; i < shape.rank; ++i) {
        const auto [length, lower] = shape.dimensions[i];
        if (length < 0) return {"array with a dimension of negative length"};
        if (std::int64_t{lower} + length > std::numeric_limits<std::int32_t>::max())
            return {"subscript of an array out of range"};
        count *= static_cast<std::size_t>(length);
        if (count > limit) return too_short;
    }
    return {};
}

Fault read_binary(const Cell& cell, const WireType& type, const ArrayTarget& target) {
    Reader in(cell.bytes());
    ArrayShape shape;
    shape.rank = in.take<std::int32_t>();
    static_cast<void>(in.take<std::int32_t>());  // whether there is a NULL: each element says so itself
    const WireType element = base_type({in.take<Oid>(), Format::binary, type.types});
    if (shape.rank < 0 || shape.rank > max_dimensions) return {"array of more than 6 dimensions"};
    for (int i = 0; i < shape.rank; ++i) {
        shape.dimensions[i].length = in.take<std::int32_t>();
        shape.dimensions[i].lower = in.take<std::int32_t>();
    }
    if (in.failed()) return too_short;
    if (Fault fault = check_shape(shape, in.left() / sizeof(std::int32_t))) return fault;
    const std::size_t count = shape.count();
    if (count == 0) shape.rank = 0;
    if (count != 0 && !target.accepts(element)) return {"array whose elements are of another type"};
    if (Fault fault = target.begin(target.container, shape)) return fault;
    if (target.read_all(target.container, in.bytes_left())) return {};
    for (std::size_t i = 0; i < count; ++i) {
        const Cell value = take_cell(in);
        if (in.failed()) return too_short;
        if (Fault fault = target.read(target.container, i, value, element)) return fault;
    }
    return in.finished() ? Fault{} : Fault{"array with bytes behind its last element"};
}

char delimiter_of(const WireType& element) {
    if (element.oid == Oid{603}) return ';';  // box
    const bool is_user_defined = TypeCatalog::is_user_defined(element.oid);
    return is_user_defined && (is_named(element, "geometry") || is_named(element, "geography")) ? ':' : ',';
}

// "[2:4][1:2]=", which the server writes when a lower bound is not 1. The lengths are held against the braces.
Fault read_bounds(Scanner& in, ArrayShape& shape) {
    while (in.take('[')) {
        if (shape.rank == max_dimensions) return {"array of more than 6 dimensions"};
        std::int32_t lower = 0;
        std::int32_t upper = 0;
        if (!parse_integer(in.take_until(":"), lower) || !in.take(':') || !parse_integer(in.take_until("]"), upper) ||
            !in.take(']'))
            return {"malformed bounds of an array"};
        const std::int64_t length = std::int64_t{upper} - lower + 1;
        if (length < 1 || length > static_cast<std::int64_t>(max_array_size))
            return {"bounds of an array out of range"};
        shape.dimensions[shape.rank++] = {static_cast<std::int32_t>(length), lower};
    }
    if (shape.rank > 0 && !in.take('=')) return {"malformed bounds of an array"};
    return {};
}

// One walk over a literal. The first one, without a target, finds the shape; the second reads the elements.
class LiteralReader {
public:
    LiteralReader(std::string_view text, char delimiter) : text_(text), stops_{delimiter, '{', '}'} {}

    /// Finds the shape; `lowers` says which lower bounds were given.
    Fault measure(ArrayShape& shape, const ArrayShape& given) {
        Scanner in(text_);
        if (text_ == "{}") return given.rank == 0 ? Fault{} : malformed;
        while (in.take('{'))
            if (++depth_ > max_dimensions) return {"array of more than 6 dimensions"};
        if (depth_ == 0) return malformed;
        shape.rank = depth_;
        in = Scanner(text_);
        if (Fault fault = walk(in, 0, shape, nullptr)) return fault;
        if (!in.at_end()) return {"array with text behind its last brace"};
        if (given.rank == 0) return {};
        if (given.rank != shape.rank) return {"array whose bounds do not fit its braces"};
        for (int i = 0; i < shape.rank; ++i) {
            if (given.dimensions[i].length != shape.dimensions[i].length)
                return {"array whose bounds do not fit its braces"};
            shape.dimensions[i].lower = given.dimensions[i].lower;
        }
        return {};
    }
    Fault read(ArrayShape& shape, const WireType& element, const ArrayTarget& target) {
        if (shape.rank == 0) return {};
        element_ = element;
        Scanner in(text_);
        return walk(in, 0, shape, &target);
    }

private:
    Fault walk(Scanner& in, int level, ArrayShape& shape, const ArrayTarget* target) {
        if (level == depth_) return read_element(in, target);
        if (!in.take('{')) return {"array whose rows differ in depth"};
        std::int32_t length = 0;
        do {
            if (Fault fault = walk(in, level + 1, shape, target)) return fault;
            ++length;
        } while (in.take(stops_[0]));
        if (!in.take('}')) return in.at_end() ? too_short : malformed;
        std::int32_t& known = shape.dimensions[level].length;
        if (known == 0) known = length;
        return known == length ? Fault{} : Fault{"rows of an array that differ in length"};
    }
    Fault read_element(Scanner& in, const ArrayTarget* target) {
        Piece piece;
        if (Fault fault = read_piece(in, {stops_, sizeof(stops_)}, scratch_, piece)) return fault;
        if (piece.quoted == piece.bare) return malformed;  // nothing at all, or text beside quotes
        if (target == nullptr) return {};
        const bool is_null = !piece.quoted && !piece.escaped && piece.text == "NULL";
        return target->read(target->container, index_++, is_null ? Cell{} : piece.cell(), element_);
    }

    std::string_view text_;
    char stops_[3];
    int depth_ = 0;
    std::size_t index_ = 0;
    WireType element_;
    std::string scratch_;
};

Fault read_text(const Cell& cell, const WireType& type, const ArrayTarget& target) {
    WireType element = element_type(type);
    const char delimiter = delimiter_of(element);
    if (element.oid == Oid{}) element.oid = target.element;
    Scanner in(cell.bytes());
    ArrayShape given;
    if (Fault fault = read_bounds(in, given)) return fault;
    LiteralReader reader(in.left(), delimiter);
    ArrayShape shape;
    if (Fault fault = reader.measure(shape, given)) return fault;
    if (Fault fault = target.begin(target.container, shape)) return fault;
    return reader.read(shape, element, target);
}

// int2vector and oidvector: numbers with a space between them, and 0 as the lower bound.
Fault read_vector_text(const Cell& cell, const WireType& type, const ArrayTarget& target) {
    const std::string_view text = cell.bytes();
    std::size_t count = text.empty() ? 0 : 1;
    for (char c : text) count += c == ' ' ? 1 : 0;
    ArrayShape shape;
    shape.rank = count == 0 ? 0 : 1;
    shape.dimensions[0] = {static_cast<std::int32_t>(count), 0};
    if (Fault fault = target.begin(target.container, shape)) return fault;
    std::size_t start = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string_view number = text.substr(start, text.find(' ', start) - start);
        const Cell value{number.data(), static_cast<std::int32_t>(number.size())};
        if (Fault fault = target.read(target.container, i, value, element_type(type))) return fault;
        start += number.size() + 1;
    }
    return {};
}

}  // namespace

Fault read_array(const Cell& cell, const WireType& type, const ArrayTarget& target) {
    const Nesting nesting;
    if (Nesting::is_too_deep()) return {"values nested too deep"};
    if (type.format == Format::binary) return read_binary(cell, type, target);
    const Oid oid = base_type(type).oid;
    if (oid == int2vector_oid || oid == oidvector_oid) return read_vector_text(cell, type, target);
    return read_text(cell, type, target);
}

Fault write_array_header(Writer& out, const ArrayShape& shape, Oid element, bool has_null) {
    const TypeInfo* const wanted = find_type({out.type(), Format::binary, out.types()});
    if (wanted != nullptr && wanted->kind == TypeKind::array && are_namesakes(out.types(), wanted->element, element))
        element = wanted->element;
    out.set_type(element);
    if (element == Oid{})
        return {"array of a type that the database's catalogue was not asked for: its binary form needs the oid"};
    if (shape.count() > max_array_size) return {"array of more than 134217727 elements"};
    out.put(static_cast<std::int32_t>(shape.rank));
    out.put(std::int32_t{has_null});
    out.put(element);
    for (int i = 0; i < shape.rank; ++i) {
        out.put(shape.dimensions[i].length);
        out.put(shape.dimensions[i].lower);
    }
    return {};
}

void write_array_prefix(Writer& out, const ArrayShape& shape) {
    bool is_usual = true;
    for (int i = 0; i < shape.rank; ++i) is_usual = is_usual && shape.dimensions[i].lower == 1;
    if (!is_usual) {
        for (int i = 0; i < shape.rank; ++i) {
            const auto [length, lower] = shape.dimensions[i];
            out.put('[');
            write_integer(out, lower);
            out.put(':');
            write_integer(out, lower + length - 1);
            out.put(']');
        }
        out.put('=');
    }
    if (shape.rank == 0) out.put("{}");
}

// A level opens, or closes, wherever the index reaches a multiple of the elements below it.
void write_array_opening(Writer& out, const ArrayShape& shape, std::size_t index, char delimiter) {
    if (index > 0) out.put(delimiter);
    std::size_t below = 1;
    for (int i = shape.rank - 1; i >= 0; --i) {
        below *= static_cast<std::size_t>(shape.dimensions[i].length);
        if (index % below != 0) break;
        out.put('{');
    }
}

void write_array_closing(Writer& out, const ArrayShape& shape, std::size_t index) {
    std::size_t below = 1;
    for (int i = shape.rank - 1; i >= 0; --i) {
        below *= static_cast<std::size_t>(shape.dimensions[i].length);
        if ((index + 1) % below != 0) break;
        out.put('}');
    }
}

void quote_element(Writer& out, std::size_t mark, char delimiter) { quote_since(out, mark, Quoting::array, delimiter); }

}  // namespace pg::detail
