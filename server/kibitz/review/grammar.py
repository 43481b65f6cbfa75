"""Which nodes of each language's syntax tree are functions, containers of functions, imports and so on.

Only names of tree-sitter node types stand here; ``outline`` gives them their meaning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


def _types(names: str) -> frozenset[str]:
    return frozenset(names.split())


@dataclass(frozen=True, slots=True)
class Grammar:
    """Node types by the part that they play. A type that is in no set is code."""

    functions: frozenset[str]
    """Definitions that are reviewed as a whole. Without a body they are declarations, thus inert."""
    containers: frozenset[str] = frozenset()
    """What has members of its own: classes, namespaces, implementations."""
    transparent: frozenset[str] = frozenset()
    """What is looked into for definitions; code as a whole if it holds none."""
    wrappers: frozenset[str] = frozenset()
    """What may stand around one definition and belong to it: a decorator, ``export``, an assignment."""
    imports: frozenset[str] = frozenset()
    inert: frozenset[str] = frozenset()
    """What does nothing by itself: declarations without a body, package names, pragmas."""
    types: frozenset[str] = frozenset()
    """Declarations of types, shown as context to what mentions them. (Containers are such, too.)"""
    comments: frozenset[str] = frozenset({"comment"})
    attached: frozenset[str] = frozenset()
    """What belongs to the node after it, as a doc comment does: attributes, decorators."""
    constructors: frozenset[str] = frozenset()
    """Names of functions that make an instance of their container; the container's own name is one, too."""
    import_calls: frozenset[str] = frozenset()
    """Names of functions and commands that import when they are called at the top level."""


_PYTHON = Grammar(
    functions=_types("function_definition"),
    containers=_types("class_definition"),
    transparent=_types(
        "if_statement elif_clause else_clause try_statement except_clause except_group_clause finally_clause"
        " with_statement block"
    ),
    wrappers=_types("decorated_definition"),
    imports=_types("import_statement import_from_statement future_import_statement"),
    inert=_types("pass_statement"),
    constructors=_types("__init__ __new__"),
)

_JAVASCRIPT = Grammar(
    functions=_types(
        "function_declaration generator_function_declaration method_definition"
        " arrow_function function_expression generator_function"
    ),
    containers=_types("class_declaration class"),
    transparent=_types("statement_block if_statement else_clause try_statement catch_clause finally_clause"),
    wrappers=_types(
        "export_statement expression_statement lexical_declaration variable_declaration field_definition"
    ),
    imports=_types("import_statement"),
    inert=_types("empty_statement hash_bang_line"),
    attached=_types("decorator"),
    constructors=_types("constructor"),
    import_calls=_types("require"),
)

_TYPESCRIPT = replace(
    _JAVASCRIPT,
    containers=_JAVASCRIPT.containers | _types("abstract_class_declaration internal_module module"),
    wrappers=_JAVASCRIPT.wrappers | _types("ambient_declaration public_field_definition"),
    inert=_JAVASCRIPT.inert
    | _types(
        "function_signature method_signature abstract_method_signature interface_declaration"
        " type_alias_declaration index_signature"
    ),
    types=_types("interface_declaration type_alias_declaration enum_declaration"),
)

_GO = Grammar(
    functions=_types("function_declaration method_declaration"),
    imports=_types("import_declaration"),
    inert=_types("package_clause"),
    types=_types("type_declaration"),
)

_RUST = Grammar(
    functions=_types("function_item"),
    containers=_types("impl_item trait_item mod_item foreign_mod_item"),
    imports=_types("use_declaration extern_crate_declaration"),
    inert=_types("function_signature_item inner_attribute_item associated_type empty_statement"),
    types=_types("struct_item enum_item union_item type_item"),
    comments=_types("line_comment block_comment"),
    attached=_types("attribute_item"),
    constructors=_types("new"),
)

_JAVA = Grammar(
    functions=_types("method_declaration constructor_declaration compact_constructor_declaration"),
    containers=_types(
        "class_declaration interface_declaration enum_declaration record_declaration"
        " annotation_type_declaration"
    ),
    transparent=_types("enum_body_declarations"),
    imports=_types("import_declaration"),
    inert=_types("package_declaration annotation_type_element_declaration"),
    comments=_types("line_comment block_comment"),
)

_C = Grammar(
    functions=_types("function_definition"),
    transparent=_types(
        "preproc_if preproc_ifdef preproc_else preproc_elif preproc_elifdef linkage_specification"
        " declaration_list"
    ),
    imports=_types("preproc_include"),
    inert=_types("preproc_call preproc_directive"),
    types=_types("struct_specifier union_specifier enum_specifier type_definition"),
)

_CPP = replace(
    _C,
    containers=_types("class_specifier struct_specifier union_specifier namespace_definition"),
    wrappers=_types("template_declaration"),
    imports=_C.imports | _types("using_declaration alias_declaration namespace_alias_definition"),
    inert=_C.inert
    | _types("access_specifier friend_declaration static_assert_declaration concept_definition"),
    types=_types("enum_specifier type_definition"),
)

_CSHARP = Grammar(
    functions=_types(
        "method_declaration constructor_declaration destructor_declaration operator_declaration"
        " conversion_operator_declaration property_declaration indexer_declaration event_declaration"
        " local_function_statement"
    ),
    containers=_types(
        "class_declaration struct_declaration interface_declaration record_declaration namespace_declaration"
    ),
    transparent=_types("preproc_if preproc_elif preproc_else"),
    wrappers=_types("global_statement"),
    imports=_types("using_directive extern_alias_directive"),
    inert=_types(
        "file_scoped_namespace_declaration global_attribute preproc_region preproc_endregion preproc_pragma"
        " preproc_nullable delegate_declaration event_field_declaration"
    ),
    types=_types("enum_declaration"),
)

_RUBY = Grammar(
    functions=_types("method singleton_method"),
    containers=_types("class module singleton_class"),
    transparent=_types("body_statement if unless begin then else elsif"),
    wrappers=_types("call"),
    inert=_types("identifier empty_statement"),
    constructors=_types("initialize"),
    import_calls=_types("require require_relative load autoload"),
)

_PHP = Grammar(
    functions=_types("function_definition method_declaration anonymous_function arrow_function"),
    containers=_types(
        "class_declaration interface_declaration trait_declaration enum_declaration namespace_definition"
    ),
    transparent=_types("compound_statement if_statement else_clause else_if_clause"),
    wrappers=_types("expression_statement"),
    imports=_types("namespace_use_declaration use_declaration"),
    inert=_types("php_tag php_end_tag text text_interpolation declare_statement empty_statement"),
    constructors=_types("__construct"),
    import_calls=_types(
        "require_expression require_once_expression include_expression include_once_expression"
    ),
)

_SHELL = Grammar(
    functions=_types("function_definition"),
    transparent=_types("if_statement elif_clause else_clause"),
    import_calls=_types("source ."),
)

GRAMMARS = {
    "python": _PYTHON,
    "javascript": _JAVASCRIPT,
    "javascriptreact": _JAVASCRIPT,
    "typescript": _TYPESCRIPT,
    "typescriptreact": _TYPESCRIPT,
    "go": _GO,
    "rust": _RUST,
    "java": _JAVA,
    "c": _C,
    "cpp": _CPP,
    "csharp": _CSHARP,
    "ruby": _RUBY,
    "php": _PHP,
    "shellscript": _SHELL,
}
"""By LSP language id."""
