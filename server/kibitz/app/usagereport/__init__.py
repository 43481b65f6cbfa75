"""The usage report: one page of HTML that needs nothing but itself.

``page`` puts it together of ``sections``, each of which takes its numbers from one ``Usage``, draws them with
``figures`` and spells them out in tables. It is built as a tree of elements and never as text, so whatever a
document, a model or a rule is called, it is shown and not obeyed.
"""
