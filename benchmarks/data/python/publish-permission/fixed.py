"""Who may do what with an article."""

from dataclasses import dataclass, field


@dataclass
class User:
    name: str
    roles: set[str] = field(default_factory=set)


@dataclass
class Article:
    owner: str
    state: str = "draft"


def may_publish(user: User, article: Article) -> bool:
    """Editors may publish anything that is a draft; authors only what they own."""
    if article.state != "draft":
        return False
    if "editor" in user.roles:
        return True
    return "author" in user.roles and user.name == article.owner


def publish(user: User, article: Article) -> None:
    """Make an article public, or raise ``PermissionError``."""
    if not may_publish(user, article):
        raise PermissionError(f"{user.name} may not publish this article")
    article.state = "public"
