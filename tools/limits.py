"""What may be risked: the limits that the owner sets, and that `graphs/stocks/risk.py` keeps."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """What may be risked; shares of the account's equity are fractions (0.1 is a tenth)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    picks: int = Field(3, ge=1, le=20)
    """Most symbols bought in one run."""
    least_probability: float = Field(0.53, gt=0.5, lt=1)
    """Smallest probability of the consensus at which something is bought."""
    least_voters: float = Field(1.5, ge=1, le=20)
    """Fewest independent voters that a belief must be of; analysts that say the same count once."""
    per_name_fraction: Decimal = Field(Decimal("0.10"), gt=0, le=1)
    """Largest position in one symbol."""
    gross_fraction: Decimal = Field(Decimal("0.60"), gt=0, le=1)
    """Largest sum of all positions; nothing is bought on margin."""
    kelly_fraction: Decimal = Field(Decimal("0.25"), gt=0, le=1)
    """Share of the stake that Kelly's rule for even odds would put in."""
    volume_fraction: Decimal = Field(Decimal("0.01"), gt=0, le=1)
    """Largest share of the symbol's usual turnover of a day."""
    least_price: Decimal = Field(Decimal("5"), ge=0)
    """Cheaper shares are not bought, USD."""
    least_turnover: Decimal = Field(Decimal("5000000"), ge=0)
    """Symbols that trade less a day are not bought, USD."""
    daily_loss_fraction: Decimal = Field(Decimal("0.02"), gt=0, le=1)
    """Loss since the last close after which nothing is bought."""
    drawdown_fraction: Decimal = Field(Decimal("0.10"), gt=0, le=1)
    """Fall from the highest equity after which nothing is bought."""
    cooldown_days: int = Field(3, ge=0)
    """Days for which a symbol is left alone after it was sold."""
    quote_age_secs: float = Field(60.0, gt=0)
    """Oldest price that is traded on."""
    least_order: Decimal = Field(Decimal("50"), ge=0)
    """Smallest order, USD."""
