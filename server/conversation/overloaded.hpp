// Lambdas as one visitor of a variant: std::visit(Overloaded{[](const A&) {...}, [](const B&) {...}}, value).
#pragma once

namespace parley::conversation {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace parley::conversation
